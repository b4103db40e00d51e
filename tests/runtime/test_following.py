"""What follows from an incident becomes a requirement of a gate or a condition of an approval."""

import json
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from audit import Refused, clock
from audit.models import Entry
from audit.refusals import NotAllowed
from audit.verifying import verify
from gates import transitions as gates
from gates.models import Condition, GateVersion, Requirement
from gates.rules.conditions import Asked
from registry.roles import Role
from runtime.incidents import following, transitions
from runtime.incidents.following import became, name_of
from runtime.models import FollowUp
from tests import make
from tests.api.reading import reader
from tests.gates.stories import WHY, days
from tests.runtime.incidents import opened
from tests.runtime.stories import operator, running
from tests.runtime.test_incidents import api, signed_in

pytestmark = pytest.mark.django_db

TEXT = "Attack every prompt before the sandbox."


def asked_for(told, text: str = TEXT) -> FollowUp:
    incident = opened(told, releases=[told.release])
    return transitions.follow_up(
        incident.pk,
        text=text,
        owner=told.requester,
        due_on=clock.now().date() + timedelta(days=14),
        actor=operator(told),
        reason="So that it does not come again.",
    )


def required(draft: GateVersion, row: FollowUp, **values) -> Requirement:
    values = {
        "code": "red_team_early",
        "type": "evidence",
        "sentence": "A red team attacked it.",
        "terms": {"kind": "red_team", "verdicts": ["pass"]},
        "follows_from": name_of(row),
        **values,
    }
    return gates.save_requirement(
        None, gate_version=draft.pk, values=values, actor=make.author(), reason=WHY
    )


def states(row: FollowUp) -> list[tuple[str, str]]:
    return [
        (one.kind, one.state) for one in became([row], make.make_person("", Role.AUDITOR))[row.pk]
    ]


def publish(draft: GateVersion) -> GateVersion:
    return gates.publish_gate_version(draft.pk, actor=make.author("percy"), reason=WHY)


def test_a_requirement_that_somebody_else_publishes_ends_the_follow_up():
    told = running()
    row = asked_for(told)
    assert states(row) == []
    draft = following.draft_for("sandbox", actor=make.author(), reason=WHY)
    assert following.draft_for("sandbox", actor=make.author(), reason=WHY) == draft
    made = required(draft, row)
    assert states(row) == [("requirement", "draft")]
    assert not FollowUp.objects.get(pk=row.pk).done_at
    # Another code or sentence is the same requirement still.
    gates.save_requirement(
        made.pk, values={"code": "red_team_first"}, actor=make.author(), reason=WHY
    )
    published = publish(draft)
    assert json.loads(published.content)["requirements"][-1]["follows_from"] == name_of(row)
    done = FollowUp.objects.get(pk=row.pk)
    assert (done.done_by.username, done.outcome) == (
        "percy",
        "Gate sandbox v2 asks for it: red_team_first.",
    )
    assert states(row) == [("requirement", "in_force")]
    assert Entry.objects.filter(event="incident.follow_up_done", about=row.incident.key).exists()
    # The next version keeps it until somebody takes it out, and then the page says so.
    draft = following.draft_for("sandbox", actor=make.author(), reason=WHY)
    kept = draft.requirements.get(code="red_team_first")
    assert kept.follows_from == name_of(row) and states(row) == [("requirement", "in_force")]
    gates.remove_requirement(kept.pk, actor=make.author(), reason=WHY)
    publish(draft)
    assert states(row) == [("requirement", "replaced")]
    assert verify("record").found == []


def test_taken_out_of_the_draft_it_is_still_to_do():
    row = asked_for(running())
    draft = following.draft_for("sandbox", actor=make.author(), reason=WHY)
    made = required(draft, row)
    gates.remove_requirement(made.pk, actor=make.author(), reason=WHY)
    publish(draft)
    assert states(row) == [] and FollowUp.objects.get(pk=row.pk).done_at is None


def test_only_who_writes_gates_starts_the_draft():
    told = running()
    row = asked_for(told)
    with pytest.raises(NotAllowed):
        following.draft_for("sandbox", actor=operator(told), reason=WHY)
    client = signed_in(operator(told))
    page = client.get(f"/follow-ups/{row.pk}/binding/")
    assert page.status_code == 200 and "Write the requirement" not in page.content.decode()
    answer = client.post(f"/follow-ups/{row.pk}/binding/", {"gate": "sandbox", "reason": WHY})
    assert answer.status_code == 403
    assert not GateVersion.objects.filter(published_at=None).exists()
    stranger = make.make_person("", Role.VIEWER, team=make.make_team())
    assert signed_in(stranger).get(f"/follow-ups/{row.pk}/binding/").status_code == 404


@pytest.mark.parametrize("name", ["incident 1, follow-up 999999", "incident 999999, follow-up {}"])
def test_a_cause_that_names_no_follow_up_is_refused(name):
    row = asked_for(running())
    draft = following.draft_for("sandbox", actor=make.author(), reason=WHY)
    with pytest.raises(Refused) as refused:
        required(draft, row, follows_from=name.format(row.pk))
    [reason] = refused.value.reasons
    assert (reason.code, reason.field) == ("NO_SUCH_FOLLOW_UP", "follows_from")
    # Any other text stays a text.
    assert required(draft, row, follows_from="OPS-2291").follows_from == "OPS-2291"


def test_pages_lead_from_the_incident_to_the_draft_and_back():
    told = running()
    row = asked_for(told)
    paula = make.author()
    client = signed_in(paula)
    page = client.get(f"/incidents/{row.incident_id}/").content.decode()
    assert f"/follow-ups/{row.pk}/binding/" in page
    where = f"/follow-ups/{row.pk}/binding/"
    assert client.post(where, {"gate": "", "reason": WHY}).status_code == 422
    answer = client.post(where, {"gate": "production", "reason": WHY})
    assert answer.status_code == 302, answer.content.decode()
    form = client.get(answer["Location"])
    assert TEXT in form.content.decode() and name_of(row) in form.content.decode()
    known = {name: one for name, [one] in parse_qs(urlsplit(answer["Location"]).query).items()}
    given = {
        **known,
        "code": "red_team_early",
        "type": "evidence",
        "guidance": "",
        "guidance_url": "",
        "kind": "red_team",
        "verdicts": ["pass"],
        "reason": WHY,
    }
    answer = client.post("/gates/requirement/add/", given)
    assert answer.status_code == 302, answer.content.decode()
    draft = GateVersion.objects.get(published_at=None)
    for person, path in (
        (paula, f"/gates/gateversion/{draft.pk}/change/"),
        (make.author("percy"), f"/gates/gateversion/{draft.pk}/change/"),
    ):
        text = signed_in(person).get(path).content.decode()
        assert f'/incidents/{row.incident_id}/#follow-up-{row.pk}"' in text
    page = client.get(f"/incidents/{row.incident_id}/").content.decode()
    assert "In a draft" in page and "asks for it once somebody else publishes it" in page
    [said] = api(paula, f"incidents/{row.incident_id}/").json()["follow_ups"]
    assert [(one["kind"], one["state"]) for one in said["became"]] == [("requirement", "draft")]
    publish(draft)
    page = client.get(f"/incidents/{row.incident_id}/").content.decode()
    assert "In force" in page and "Make binding" not in page
    text = client.get(f"/gates/gateversion/{draft.pk}/change/").content.decode()
    assert f'/incidents/{row.incident_id}/#follow-up-{row.pk}"' in text


def test_a_condition_that_evidence_closes_ends_the_follow_up():
    told = running()
    row = asked_for(told, "Measure refusals again.")
    told.environment = make.make_environment()
    promotion = told.ask()
    asked = Asked(
        text="Measure refusals again.",
        owner=told.requester.pk,
        due_at=clock.now() + days(30),
        evidence_kind="operational_readiness",
        follows_from=name_of(row),
    )
    reviewer = told.signer(Role.REVIEWER)
    client = signed_in(reviewer)
    where = promotion.get_absolute_url()
    form = client.get(f"{where}?verdict=approve_with_conditions").content.decode()
    assert "condition_1_follows_from" in form and name_of(row) in form
    assert "condition_1_follows_from" not in client.get(f"{where}?verdict=approve").content.decode()
    page = client.get(f"/follow-ups/{row.pk}/binding/").content.decode()
    assert f"{where}?verdict=approve_with_conditions#decide" in page
    told.sign(reviewer, "approve_with_conditions", conditions=[asked])
    assert states(row) == [("condition", "open")]
    condition = Condition.objects.get()
    assert condition.follows_from == name_of(row)
    for path in (condition.get_absolute_url(), where):
        assert name_of(row) in client.get(path).content.decode()
    said = reader().get(f"/api/v1/promotions/{promotion.pk}/").json()["conditions"]
    assert [one["follows_from"] for one in said] == [name_of(row)]
    item = told.give("operational_readiness")
    gates.close_condition(
        condition.pk, item=item, actor=told.signer(Role.PRIVACY_OFFICER), reason="Seen."
    )
    assert states(row) == [("condition", "closed")]
    done = FollowUp.objects.get(pk=row.pk)
    assert done.outcome == f"Condition {condition.pk} was closed by evidence: Seen."
    assert verify("record").found == []
    # What is done is offered no more.
    assert following.offered(told.release, reviewer) == []


def test_what_became_of_many_costs_as_much_as_of_one():
    told = running()
    row = asked_for(told)
    draft = following.draft_for("sandbox", actor=make.author(), reason=WHY)
    required(draft, row)
    auditor = make.make_person("", Role.AUDITOR)
    with CaptureQueriesContext(connection) as one:
        became([row], auditor)
    rows = [row]
    for place in range(4):
        rows.append(asked_for(told))
        required(draft, rows[-1], code=f"early_{place}")
    with CaptureQueriesContext(connection) as five:
        found = became(rows, auditor)
    assert all(len(made) == 1 for made in found.values())
    assert len(five) <= len(one)
