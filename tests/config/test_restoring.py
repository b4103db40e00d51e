"""The recipe under every transactional test: what one commits, the next never sees."""

import pytest
from django.db import connection

from audit import triggers


def count(table):
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {table}")
        return cursor.fetchone()[0]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("turn", [1, 2])
def test_each_test_begins_with_what_the_migrations_wrote(turn):
    before = count("django_session"), count("audit_head")
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO django_session VALUES ('left-over', '', '2026-01-01 00:00:00+00:00')"
        )
    assert before == (0, 1)
    assert count("django_session") == 1


@pytest.mark.django_db(transaction=True)
def test_triggers_and_content_types_are_there_afterwards():
    assert triggers.differing() == []
    assert count("django_content_type") > 0
