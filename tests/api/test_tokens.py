"""Tokens: kept as digests, shown once, scoped, ending at once when they are ended."""

import hashlib
from datetime import timedelta

import pytest
from django.db import DatabaseError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from audit import clock
from audit.kept import kept
from audit.models import Entry
from registry import transitions
from registry.models import ApiToken, TokenUse
from tests import make
from tests.api.reading import ROOT, Reader, assert_problem, reader
from tests.make import WHY

pytestmark = pytest.mark.django_db


def read(token: str, **headers):
    """Read a small list with a token, as its own header or as the one given."""
    client = Client(raise_request_exception=False)
    return client.get(f"{ROOT}tools/", headers={"Authorization": f"Bearer {token}"} | headers)


def test_a_token_reads_as_its_owner():
    assert read(make.make_token(make.make_person("vera", "viewer"))).status_code == 200
    assert read(make.make_token(make.make_service("robot", "viewer"))).status_code == 200


def test_the_scheme_is_written_in_any_case():
    token = make.make_token(make.make_person("vera", "viewer"))
    for scheme in ("Bearer", "bearer", "BEARER"):
        assert read("", Authorization=f"{scheme} {token}").status_code == 200


@pytest.mark.parametrize(
    "header",
    [
        *("", "Bearer", "Bearer ", "Bearer  x", "Token x", "Basic dXNlcjpwYXNz", "Bearer nobody"),
        *("Bearer a\x00b", "Bearer é", "Bearer \xff\xfe", "Bearer ghs_ " + "a" * 50, "bearer\tx"),
        *("Bearer " + "a" * 128, "Bearer " + "a" * 129, "Bearer " + "a" * 100_000, "Bearer a;b"),
        *("\x00", "Bearer 'OR'1'='1", "Bearer a Bearer b", "Bearer " + "0" * 64),
    ],
)
def test_anything_else_is_401_and_never_a_fault(db, header):
    answer = read("", Authorization=header)
    assert_problem(answer, 401)
    assert answer["WWW-Authenticate"] == "Bearer"


def test_the_token_is_nowhere_kept_and_shown_once():
    row, token = make.make_token_row(make.make_person("vera", "viewer"))
    row.refresh_from_db()
    assert row.digest == hashlib.sha512(token.encode()).hexdigest()
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')
            for found in cursor.fetchall():
                assert not any(token in str(value) for value in found), table
    assert token.startswith(row.token_key)
    assert len(row.token_key) <= 15 < len(token) / 2


def test_its_digest_opens_nothing():
    row, _ = make.make_token_row(make.make_person("vera", "viewer"))
    assert read(row.digest).status_code == 401
    assert read(row.token_key).status_code == 401


@pytest.mark.parametrize("scope", ["router", "evidence"])
def test_a_token_of_another_scope_reads_nothing(scope):
    bound = (
        {"environment": make.make_environment()}
        if scope == "router"
        else {"team": make.make_team()}
    )
    owner = make.make_service("robot", "viewer")
    caller = Reader(make.make_token(owner, scope=scope, **bound))
    body = assert_problem(caller.get("tools/"), 403)
    assert f"scope {scope}" in body["detail"]
    assert_problem(caller.get("decision/", release="x", environment="y"), 403)
    assert_problem(caller.get("tools/", nonsense="1"), 403)
    assert caller.get("schema/").status_code == 200


def test_an_expired_token_stays_on_record_and_opens_nothing():
    row, token = make.make_token_row(make.make_person("vera", "viewer"), days=1)
    other = make.make_token(row.user, days=2)
    assert read(token).status_code == 200
    with clock.at(row.expiry - timedelta(seconds=1)):
        assert read(token).status_code == 200
    with clock.at(row.expiry):
        assert_problem(read(token), 401)
        # The call with a live token is when the library would delete the dead ones.
        assert read(other).status_code == 200
    assert ApiToken.objects.filter(pk=row.pk).exists()
    assert Entry.objects.filter(row=row.key, event="apitoken.issued").exists()


def test_a_revoked_token_opens_nothing_from_then_on():
    row, token = make.make_token_row(make.make_person("vera", "viewer"))
    assert read(token).status_code == 200
    transitions.revoke_token(row.pk, actor=make.admin(), reason=WHY)
    assert_problem(read(token), 401)
    assert ApiToken.objects.get(pk=row.pk).revoked_at is not None


def test_deactivating_its_owner_ends_a_token_at_once_and_reactivating_brings_it_back():
    owner = make.make_person("vera", "viewer")
    token = make.make_token(owner)
    assert read(token).status_code == 200
    transitions.deactivate_person(owner.pk, actor=make.admin(), reason=WHY)
    assert_problem(read(token), 401)
    transitions.reactivate_person(owner.pk, actor=make.admin(), reason=WHY)
    assert read(token).status_code == 200


def test_a_grant_acts_on_the_next_call():
    team = make.make_team()
    owner, model = make.make_service("robot"), make.make_model(team=team)
    caller = Reader(make.make_token(owner))
    assert_problem(caller.get(f"models/{model.slug}/"), 404)
    given = make.grant(owner, "viewer", team=team)
    assert caller.get(f"models/{model.slug}/").status_code == 200
    transitions.end_grant(given.pk, actor=make.admin(), reason=WHY)
    assert_problem(caller.get(f"models/{model.slug}/"), 404)


def test_the_last_use_is_kept_by_the_minute():
    row, token = make.make_token_row(make.make_person("vera", "viewer"))
    assert not TokenUse.objects.filter(token=row).exists()
    moment = clock.now().replace(minute=10, second=5, microsecond=7)
    minute = moment.replace(second=0, microsecond=0)
    for later, noted in [(0, 0), (50, 0), (55, 1), (200, 3)]:
        with clock.at(moment + timedelta(seconds=later)):
            assert read(token).status_code == 200
        assert TokenUse.objects.get(token=row).last_used_at == minute + timedelta(minutes=noted)


def test_reading_within_a_minute_takes_one_statement_to_know_who_reads():
    caller = reader()
    with clock.at(clock.now()):
        caller.get("tools/nobody/")
        with CaptureQueriesContext(connection) as queries:
            caller.get("tools/nobody/")
    known, looked_up = queries
    assert "audit_head" in known["sql"]
    assert "registry_tool" in looked_up["sql"]


def test_a_use_that_cannot_be_noted_is_no_reason_to_refuse(monkeypatch):
    def locked(*args, **kwargs):
        raise DatabaseError("database is locked")

    token = make.make_token(make.make_person("vera", "viewer"))
    monkeypatch.setattr("django.db.models.QuerySet.update_or_create", locked)
    assert read(token).status_code == 200


def test_guesses_throw_nothing_out_of_memory():
    read(make.make_token(make.make_person("vera", "viewer")))
    before = len(kept._answers)
    for number in range(20):
        assert read(f"guess{number}").status_code == 401
    assert len(kept._answers) == before


def test_reading_writes_nothing_into_the_log():
    caller = reader()
    before = Entry.objects.count()
    caller.get("tools/")
    assert Entry.objects.count() == before
