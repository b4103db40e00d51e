"""May this release run in this environment? One statement, honest to the instant, no by default."""

from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from audit import clock
from audit.kept import Unsettled
from audit.models import Change
from evidence import transitions as evidence
from gates import api
from gates import transitions as gates
from registry import transitions
from registry.models import ServingEndpoint
from tests import make
from tests.api.reading import Reader, assert_problem, reader
from tests.gates.stories import Story, days, story

pytestmark = pytest.mark.django_db

#: Far enough from now that nothing told here has happened yet.
LONG_AGO = "2001-01-01T00:00:00Z"


@pytest.fixture
def caller(told) -> Reader:
    return reader("operator")


def ask(caller: Reader, told: Story, **more):
    """Ask about the story's release and environment."""
    question = {"release": told.release.digest, "environment": told.environment.slug} | more
    return caller.get("decision/", **question)


def decision(caller: Reader, told: Story, **more) -> dict:
    answer = ask(caller, told, **more)
    assert answer.status_code == 200, answer.content
    return answer.json()


def codes(answer: dict) -> list[str]:
    return [reason["code"] for reason in answer["reasons"]]


def text(instant: datetime) -> str:
    return instant.isoformat().replace("+00:00", "Z")


# The answer


def test_an_approved_release_is_allowed_with_why_and_until_when(told, caller):
    answer = decision(caller, told)
    assert answer["allowed"] is True
    assert codes(answer) == ["APPROVED"]
    assert answer["release"] == told.release.digest
    assert answer["environment"] == told.environment.slug
    assert answer["promotion"] == told.promotion.pk
    assert answer["endpoints"] == [told.endpoint.slug]
    assert datetime.fromisoformat(answer["expires_at"]) > clock.now() + days(30)


def test_the_answer_turns_with_every_step(db):
    told = story("sandbox")
    caller = reader("operator")
    assert codes(decision(caller, told)) == ["NEVER_REQUESTED"]
    told.ask(submit=False)
    assert codes(decision(caller, told))[0] == "DRAFT"
    assert "FINDING_MISSING" in codes(decision(caller, told))
    given = told.give_all()
    gates.submit(told.promotion.pk, actor=told.requester, reason=make.WHY)
    asked = decision(caller, told)
    assert (asked["allowed"], asked["expires_at"], asked["promotion"]) == (False, None, None)
    assert codes(asked) == ["IN_REVIEW", "SIGN_OFF_WANTED"]
    told.sign_all()
    assert decision(caller, told)["allowed"] is True
    evidence.withdraw(given["safety_check"].pk, actor=told.contributor, reason=make.WHY)
    ended = decision(caller, told)
    assert ended["allowed"] is False
    assert codes(ended) == ["EVIDENCE_WITHDRAWN"]


def test_time_alone_ends_what_is_kept(told, caller):
    until = datetime.fromisoformat(decision(caller, told)["expires_at"])
    token = make.make_token(make.make_service(make.name("robot"), "operator"), days=360)
    late = Reader(token)
    with clock.at(until - timedelta(microseconds=1)):
        assert decision(late, told)["allowed"] is True
    with clock.at(until):
        ended = decision(late, told)
    assert ended["allowed"] is False
    assert ended["expires_at"] is None
    assert codes(ended)[0] in ("EVIDENCE_ENDED", "REVIEW_DUE")


def test_an_endpoint_that_changed_is_no_longer_covered(told, caller):
    assert decision(caller, told)["endpoints"] == [told.endpoint.slug]
    make.save(ServingEndpoint, {"address": "https://elsewhere.example.org/"}, pk=told.endpoint.pk)
    answer = decision(caller, told)
    assert (answer["allowed"], answer["endpoints"]) == (False, [])
    assert codes(answer) == ["ENDPOINT_CHANGED"]


# At an instant


def test_the_past_is_asked_as_it_was_known_then(told, caller):
    decided = Change.objects.get(pk=told.promotion.change_id).at
    before, after = decided - timedelta(microseconds=1), decided
    assert decision(caller, told, at=text(before))["allowed"] is False
    assert decision(caller, told, at=text(after))["allowed"] is True
    first = decision(caller, told, at=LONG_AGO)
    assert (first["allowed"], codes(first)) == (False, ["NEVER_REQUESTED"])
    assert first["at"] == "2001-01-01T00:00:00.000000Z"


def test_what_is_withdrawn_later_does_not_change_the_past(told, caller):
    then = text(clock.now())
    assert decision(caller, told, at=then)["allowed"] is True
    item = told.promotion.decided_package.evidence_links.first().item
    evidence.withdraw(item.pk, actor=told.contributor, reason=make.WHY)
    assert decision(caller, told)["allowed"] is False
    assert decision(caller, told, at=then)["allowed"] is True


@pytest.mark.parametrize("zone", ["Z", "z", "+00:00", "-00:00"])
def test_instants_are_read_in_every_spelling_of_utc(told, caller, zone):
    answer = decision(caller, told, at=f"2001-01-01t00:00:00.000000{zone}")
    assert answer["at"] == "2001-01-01T00:00:00.000000Z"


def test_another_zone_is_the_same_instant(told, caller):
    answer = decision(caller, told, at="2001-01-01T02:00:00+02:00")
    assert answer["at"] == "2001-01-01T00:00:00.000000Z"


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00Z", "0001-01-01T23:59:59-23:59"])
def test_the_first_year_is_long_ago(told, caller, at):
    assert decision(caller, told, at=at)["allowed"] is False


@pytest.mark.parametrize(
    "at",
    [
        *("now", "2026-01-01", "2026-01-01T00:00:00", "2026-01-01 00:00:00Z", "1767225600"),
        *("2026-01-01T00:00Z", "2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z", "20260101T000000Z"),
        *("2026-01-01T24:00:00Z", "2026-01-01T00:00:60Z", "2026-01-01T00:00:00.0000001Z"),
        *("2026-01-01T00:00:00+24:00", "2026-01-01T00:00:00 00:00", "2026-W01-1T00:00:00Z"),
        *("0000-01-01T00:00:00Z", "0001-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01"),
        *("9999-12-31T23:59:59Z", "10000-01-01T00:00:00Z", "-001-01-01T00:00:00Z"),
        *("٢٠٢٦-01-01T00:00:00Z", "2026-01-01T00:00:00Z\x00", "2026-01-01T00:00:00Z\n", "\x00"),
        "2" * 1999,
    ],
)
def test_anything_else_is_no_instant(told, caller, at):
    body = assert_problem(ask(caller, told, at=at), 400, "at")
    assert "allowed" not in body


def test_the_future_is_not_known(told, caller):
    body = assert_problem(ask(caller, told, at=text(clock.now() + timedelta(seconds=5))), 400, "at")
    assert "future" in body["detail"]


# What cannot be asked


@pytest.mark.parametrize(
    "release",
    [
        *("", "x", "sha256:", "sha256:" + "0" * 63, "sha256:" + "G" * 64, "sha256:" + "A" * 64),
        *("0" * 64, "sha512:" + "0" * 64, "sha256:" + "0" * 64 + "\n", "sha256:\x00" + "0" * 63),
        "sha256:" + "٠" * 64,
    ],
)
def test_what_is_no_digest_is_named(told, caller, release):
    assert_problem(ask(caller, told, release=release), 400, "release")


@pytest.mark.parametrize("environment", ["", "a b", "x" * 51, "\x00", "é", "a/b", "production\n"])
def test_what_is_no_slug_is_named(told, caller, environment):
    assert_problem(ask(caller, told, environment=environment), 400, "environment")


def test_everything_wrong_is_named_at_once(told, caller):
    assert_problem(caller.get("decision/"), 400, "release", "environment")
    wrong = caller.get("decision/", release="x", environment="a b", at="now")
    assert_problem(wrong, 400, "release", "environment", "at")
    assert_problem(ask(caller, told, limit=1), 400, "limit")


def test_what_is_unknown_is_404(told, caller):
    assert_problem(ask(caller, told, release="sha256:" + "0" * 64), 404)
    assert_problem(ask(caller, told, environment="nowhere"), 404)


def test_what_is_not_seen_is_404_however_often_others_asked(told, caller):
    stranger = reader("operator", team=make.make_team())
    idle = Reader(make.make_token(make.make_service(make.name("idle"))))
    for _ in range(2):
        assert decision(caller, told)["allowed"] is True
        assert_problem(ask(stranger, told), 404)
        assert_problem(ask(idle, told), 404)


def test_a_draft_has_no_digest_to_ask_by(told, caller):
    draft = make.make_release(use_case=told.use_case, sealed=False)
    assert draft.digest == ""
    assert_problem(ask(caller, told, release=draft.digest), 400, "release")


# One statement


def statements(caller: Reader, told: Story, **more) -> list[str]:
    with CaptureQueriesContext(connection) as queries:
        decision(caller, told, **more)
    return [query["sql"] for query in queries]


def test_asking_again_takes_one_statement_for_token_and_decision_together(told, caller):
    then = text(clock.now())
    with clock.at(clock.now()):
        for more in ({}, {"at": then}):
            assert len(statements(caller, told, **more)) > 3
            [only] = statements(caller, told, **more)
            assert "audit_head" in only


def test_refusals_are_kept_as_well(db):
    told, caller = story(), reader("operator")
    with clock.at(clock.now()):
        assert decision(caller, told)["allowed"] is False
        assert len(statements(caller, told)) == 1


def test_any_change_makes_it_be_worked_out_anew(told, caller):
    with clock.at(clock.now()):
        decision(caller, told)
        make.make_team()
        assert len(statements(caller, told)) > 1
        assert len(statements(caller, told)) == 1


def test_a_kept_answer_says_when_it_was_given(told, caller):
    start = clock.now()
    with clock.at(start):
        first = decision(caller, told)
    with clock.at(start + timedelta(seconds=20)):
        second = decision(caller, told)
    assert datetime.fromisoformat(first["at"]) == start
    assert datetime.fromisoformat(second["at"]) == start + timedelta(seconds=20)
    assert first | {"at": None} == second | {"at": None}


def test_an_answer_is_never_kept_by_others(told, caller):
    assert ask(caller, told)["Cache-Control"] == "no-store"


def ask_again(caller: Reader, told: Story, held: str):
    return caller.get(
        "decision/",
        headers={"If-None-Match": held},
        release=told.release.digest,
        environment=told.environment.slug,
    )


def test_whoever_holds_the_same_answer_hears_so_and_nothing_older_counts(told, caller):
    first = ask(caller, told)
    with clock.at(clock.now() + timedelta(seconds=20)):
        again = ask_again(caller, told, first["ETag"])
    assert (again.status_code, again.content) == (304, b"")
    assert (again["ETag"], again["Cache-Control"]) == (first["ETag"], "no-store")
    assert first["ETag"].startswith('W/"')  # the instant in the body is another
    until = datetime.fromisoformat(first.json()["expires_at"])
    late = Reader(make.make_token(make.make_service(make.name("robot"), "operator"), days=360))
    with clock.at(until + timedelta(seconds=1)):
        ended = ask_again(late, told, first["ETag"])
    assert ended.status_code == 200 and ended.json()["allowed"] is False
    gates.revoke(
        told.promotion.pk,
        password=make.PASSWORD,
        reason=make.WHY,
        actor=make.make_person(make.name("owner"), "risk_owner"),
    )
    revoked = ask_again(caller, told, first["ETag"])
    assert revoked.status_code == 200 and revoked.json()["allowed"] is False
    assert revoked["ETag"] != first["ETag"]


def test_a_revoked_token_gets_no_kept_yes(told):
    row, token = make.make_token_row(make.make_service(make.name("robot"), "operator"))
    caller = Reader(token)
    assert decision(caller, told)["allowed"] is True
    transitions.revoke_token(row.pk, actor=make.admin(), reason=make.WHY)
    assert_problem(ask(caller, told), 401)


def test_an_ended_grant_gets_no_kept_yes(told):
    owner = make.make_service(make.name("robot"))
    given = make.grant(owner, "operator", team=told.use_case.team)
    caller = Reader(make.make_token(owner))
    assert decision(caller, told)["allowed"] is True
    transitions.end_grant(given.pk, actor=make.admin(), reason=make.WHY)
    assert_problem(ask(caller, told), 404)


# Failing


@pytest.mark.parametrize("where", ["approvals", "_approved_sentence", "instant_text"])
def test_a_fault_is_never_a_yes(told, caller, monkeypatch, where):
    def fail(*args, **kwargs):
        raise RuntimeError("secret detail")

    monkeypatch.setattr(f"gates.decisions.{where}", fail)
    body = assert_problem(ask(caller, told), 500)
    assert "allowed" not in body
    assert "secret" not in str(body)


def test_a_record_that_does_not_settle_says_when_to_ask_again(told, caller, monkeypatch):
    def unsettled(*args, **kwargs):
        raise Unsettled

    monkeypatch.setattr("audit.kept.Kept.answer", unsettled)
    answer = ask(caller, told)
    body = assert_problem(answer, 503)
    assert "allowed" not in body
    assert answer["Retry-After"] == "1"


def test_a_change_that_lands_while_it_is_worked_out_is_in_the_answer(told, caller, monkeypatch):
    """The first reading is torn on purpose: evidence is withdrawn right after it was read."""
    item = told.promotion.decided_package.evidence_links.first().item
    worked_out, honest = [], api.decide_for_a_while

    def interrupted(*args):
        answer = honest(*args)
        worked_out.append(answer[0]["allowed"])
        if len(worked_out) == 1:
            evidence.withdraw(item.pk, actor=told.contributor, reason=make.WHY)
        return answer

    monkeypatch.setattr(api, "decide_for_a_while", interrupted)
    assert decision(caller, told)["allowed"] is False
    assert worked_out == [True, False]
