"""Every finding as of any past instant, from what was known then: the same on every way in."""

import json
from datetime import datetime
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from audit import clock
from evidence import transitions as evidence
from gates import transitions
from gates.facts import gate_for
from gates.models import GateVersion, Promotion
from gates.packages import live
from gates.past import assess
from registry import transitions as registry
from registry.effective import history
from registry.models import ModelUse, RegisteredModel, ScoreDemand, UseCase
from tests import make
from tests.api.reading import assert_problem, reader
from tests.gates.stories import WHY, days, story, verify_record

pytestmark = pytest.mark.django_db


class Snapshots:
    """What was found at each step, and when that was."""

    def __init__(self, told):
        self.told = told
        self.taken: list[tuple[str, datetime, dict[str, str]]] = []

    def take(self, step: str) -> None:
        self.taken.append((step, clock.now(), self.found()))

    def found(self, at: datetime | None = None) -> dict[str, str]:
        promotion = Promotion.objects.get(pk=self.told.promotion.pk)
        assessment = assess(promotion, at)
        return {f"{one.gate}.{one.code}": f"{one.status} {one.fact}" for one in assessment.findings}

    def check(self) -> None:
        for step, at, found in self.taken:
            assert self.found(at) == found, step


def values(row, **changed) -> dict:
    fields = [one for one in row._meta.concrete_fields if one.editable and one.name != "id"]
    return {one.name: getattr(row, one.name) for one in fields} | changed


def test_each_step_is_found_again_as_it_was():
    told = story("regulated", risk_tier="limited")
    told.ask()
    steps = Snapshots(told)
    steps.take("asked")
    given = told.give_all()
    steps.take("given, not taken in")
    transitions.take_in(told.promotion.pk, actor=told.requester, reason=WHY)
    steps.take("taken in")
    verify_record()
    steps.take("verified")
    evidence.withdraw(given["privacy_review"].pk, actor=told.contributor, reason=WHY)
    steps.take("withdrawn")
    told.waive("production.privacy_review")
    steps.take("waived")
    run = told.give_run("0.5", accept=False)
    steps.take("a failing run given")
    evidence.accept_run(run.pk, actor=told.signer("reviewer"), reason=WHY)
    steps.take("and accepted")
    case = UseCase.objects.get(pk=told.use_case.pk)
    demands = [{"metric": told.suite.metrics.get(), "threshold": "0.4"}]
    make.save(UseCase, values(case), {ScoreDemand: demands}, pk=case.pk)
    steps.take("demanded less")
    model = RegisteredModel.objects.get(pk=told.release.model_version.model_id)
    make.save(RegisteredModel, values(model), {ModelUse: []}, pk=model.pk)
    steps.take("no longer intended")
    endpoint = type(told.endpoint).objects.get(pk=told.endpoint.pk)
    parts = {type(endpoint.region_links.first()): []}
    make.save(type(endpoint), values(endpoint), parts, pk=endpoint.pk)
    steps.take("regions unknown")
    make.make_policy(providers={"deny": [endpoint.host.slug]})
    steps.take("denied by policy")
    sandbox = GateVersion.objects.get(gate="sandbox")
    draft = transitions.new_gate_version_from(sandbox.pk, actor=make.author(), reason=WHY)
    transitions.remove_requirement(
        draft.requirements.get(code="data_boundary").pk, actor=make.author(), reason=WHY
    )
    transitions.publish_gate_version(draft.pk, actor=make.author("percy"), reason=WHY)
    steps.take("another gate")
    assert len({json.dumps(found) for _, _, found in steps.taken}) == len(steps.taken)
    steps.check()


def test_time_alone_is_told_of_the_past_too():
    told = story()
    told.give_all()
    told.ask()
    before = clock.now()
    with clock.at(clock.now() + days(400)):
        make.make_team()  # a change, so that the log has moved on
        steps = Snapshots(told)
        assert steps.found()["sandbox.safety_checks"].startswith("stale")
        assert steps.found(before)["sandbox.safety_checks"].startswith("met")


def test_before_it_was_asked_for_there_is_nothing():
    before = clock.now()
    told = story()
    told.ask()
    assert assess(told.promotion, before) is None


def test_now_it_is_what_the_review_judges():
    told = story("production")
    told.give_all()
    told.ask()
    promotion = Promotion.objects.get(pk=told.promotion.pk)
    assert assess(promotion).findings == live(promotion).findings


def test_page_api_and_command_say_the_same(client):
    told = story()
    told.ask()
    at = clock.now()
    told.give_all()
    transitions.take_in(told.promotion.pk, actor=told.requester, reason=WHY)
    caller = reader("viewer", team=told.use_case.team)
    address = f"promotions/{told.promotion.pk}/findings/"
    text = at.isoformat().replace("+00:00", "Z")
    then, now = caller.get(address, at=text).json(), caller.get(address).json()
    assert [one["status"] for one in then["findings"]] == ["missing", "missing", "met"]
    assert [one["status"] for one in now["findings"]] == ["met", "met", "met"]
    assert (then["gate"], then["versions"]) == ("sandbox", ["sandbox v1"])
    mended = f"/evidence/evidenceitem/add/?kind=safety_check&release={told.release.pk}"
    assert then["findings"][0]["fix_url"] == f"https://testserver{mended}"
    assert {one["fix_url"] for one in now["findings"]} == {""}
    out = StringIO()
    with pytest.raises(SystemExit):
        call_command(
            "decision",
            release=told.release.digest,
            environment=told.environment.slug,
            at=text,
            findings=True,
            stdout=out,
        )
    assert f"To fix: Give evidence of this kind. https://testserver{mended}\n" in out.getvalue()
    out = StringIO()
    with pytest.raises(SystemExit):
        call_command(
            "decision",
            release=told.release.digest,
            environment=told.environment.slug,
            at=text,
            json=True,
            findings=True,
            stdout=out,
        )
    assert json.loads(out.getvalue())["assessment"] == then
    out = StringIO()
    with pytest.raises(SystemExit):
        call_command(
            "decision",
            release=told.release.digest,
            environment=told.environment.slug,
            findings=True,
            stdout=out,
        )
    assert "sandbox.safety_checks met" in out.getvalue()
    client.force_login(told.requester)
    page = client.get(f"{told.promotion.get_absolute_url()}findings/", {"at": text})
    assert page.status_code == 200
    assert "2 open of 3" in page.content.decode()
    assert mended.replace("&", "&amp;") in page.content.decode()
    assert (
        "0 open of 3"
        in client.get(f"{told.promotion.get_absolute_url()}findings/").content.decode()
    )
    for wrong in ("2999-01-01T00:00:00Z", "soon", "9" * 400):
        there = f"{told.promotion.get_absolute_url()}findings/"
        assert client.get(there, {"at": wrong}).status_code == 400
        assert_problem(caller.get(address, at=wrong), 400, "at")
    early = caller.get(address, at="2001-01-01T00:00:00Z")
    assert early.status_code == 404
    stranger = reader("viewer", team=make.make_team())
    assert stranger.get(address).status_code == 404


def test_the_registry_is_rebuilt_as_it_was():
    from registry.past import row_at, rows_at

    case = make.make_use_case()
    number = case.change.number
    registry.save_row(
        UseCase,
        case.pk,
        values=values(case, risk_tier="high"),
        actor=make.registrar(),
        reason=WHY,
        parts=None,
    )
    assert row_at(case, number).risk_tier == "minimal"
    assert row_at(case, number + 1).risk_tier == "high"
    assert row_at(case, number - 1) is None
    assert rows_at(UseCase, 0) == []


@pytest.mark.skipif(connection.vendor != "sqlite", reason="Plans of PostgreSQL follow the rows.")
def test_the_few_versions_published_by_then_are_not_looked_for_in_the_log():
    """A database that begins with the changes up to then reads the whole log for ten rows."""
    place, use_case = make.make_environment(), make.make_use_case()
    with CaptureQueriesContext(connection) as queries:
        history(number=1_000_000)
        gate_for(place, use_case, number=1_000_000)
    asked = [one["sql"] for one in queries.captured_queries if "audit_change" in one["sql"]]
    assert len(asked) == 2
    for sql in asked:
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN QUERY PLAN {sql}")
            assert "audit_change" not in cursor.fetchall()[0][-1], sql
