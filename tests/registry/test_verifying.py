"""`audit_verify` in the registry: a sealed document, its digest and its rows agree."""

import pytest
from django.db import connection

from audit import triggers
from audit.verifying import verify
from registry.models import EndpointRegion, ReleasePrompt
from tests import make

pytestmark = pytest.mark.django_db


def forge(statement: str, *values) -> None:
    """Write as somebody who owns the tables could: with the triggers out of the way."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET session_replication_role = replica")
        else:
            triggers.lift()
        cursor.execute(statement, values)
        if connection.vendor == "postgresql":
            cursor.execute("SET session_replication_role = origin")
        else:
            triggers.install()


def found(row) -> set[str]:
    return {item.code for item in verify("record").found if item.row == row.key}


def test_an_honest_registry_is_clean():
    make.make_endpoint(version=make.make_release().model_version)
    assert verify("record").found == []


def test_a_document_that_was_swapped_disagrees_with_digest_and_rows():
    release = make.make_release()
    forge('UPDATE registry_release SET content = \'{"schema":"gatehouse.release/1"}\'')
    assert found(release) == {"CONTENT_ALTERED", "DOCUMENT_ROWS"}


def test_a_part_that_was_taken_out_shows_on_its_release():
    release = make.make_release()
    forge(f"DELETE FROM {ReleasePrompt._meta.db_table}")
    assert found(release) == {"DOCUMENT_ROWS"}


def test_a_region_that_was_moved_shows_on_its_endpoint():
    endpoint, region = make.make_endpoint(), make.make_region()
    forge(
        f"UPDATE {EndpointRegion._meta.db_table} SET region_id = %s WHERE purpose = 'storage'",
        region.pk,
    )
    assert found(endpoint) == {"DOCUMENT_ROWS"}


def test_a_dataset_digest_recorded_after_the_seal_is_no_discrepancy():
    tickets = make.make_dataset_version(digest="")
    make.make_model_version(datasets=[(tickets, "training")], sealed=True)
    make.save(type(tickets), {"digest": f"sha256:{'9' * 64}"}, pk=tickets.pk)
    assert verify("record").found == []
