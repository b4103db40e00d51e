"""Gates drafted by one person and published by another, and what that does to what is asked."""

import json

import pytest
from django.db import IntegrityError, connection, transaction

from audit import Conflict, Refused, clock
from audit.refusals import NotAllowed
from audit.rules import digest
from audit.verifying import verify
from evidence.transitions import accept_run
from gates import transitions
from gates.decisions import decide
from gates.facts import gate_for
from gates.gate_preview import effects
from gates.models import GateVersion, Promotion, Requirement, SignOffSlot
from gates.packages import live
from gates.past import assess
from gates.rules import in_the_way
from registry.roles import Role
from tests import make
from tests.api.reading import reader
from tests.gates.stories import WHY, approved, days, story

pytestmark = pytest.mark.django_db

RED_TEAM = {
    "code": "red_team_early",
    "type": "evidence",
    "sentence": "A red team attacked it before the sandbox.",
    "terms": {"kind": "red_team", "verdicts": ["pass"]},
}


def shipped(gate: str = "sandbox") -> GateVersion:
    return GateVersion.objects.get(gate=gate, number=1)


def draft(gate: str = "sandbox", *requirements: dict) -> GateVersion:
    """Return a draft by paula that asks for more."""
    paula = make.author()
    made = transitions.new_gate_version_from(shipped(gate).pk, actor=paula, reason=WHY)
    for values in requirements:
        transitions.save_requirement(
            None, gate_version=made.pk, values=values, actor=paula, reason=WHY
        )
    return made


def publish(made: GateVersion, **values) -> GateVersion:
    values = {"actor": make.author("percy"), "reason": WHY, **values}
    return transitions.publish_gate_version(made.pk, **values)


def refusal(verb, *arguments, **values) -> set[str]:
    with pytest.raises(Refused) as refused:
        verb(*arguments, **values)
    return {reason.code for reason in refused.value.reasons}


def standing(told) -> list[str]:
    promotion = Promotion.objects.get(pk=told.promotion.pk)
    return [one.code for one in in_the_way(live(promotion).findings)]


def test_a_draft_begins_as_the_version_in_force_and_binds_nobody():
    made = draft("production", RED_TEAM)
    assert (made.number, made.drafted_by) == (2, make.author())
    before = list(shipped("production").requirements.values_list("code", "terms"))
    codes = list(made.requirements.values_list("code", "terms"))
    assert codes[:-1] == before
    assert list(made.slots.values_list("role", "count")) == [("risk_owner", 1)]
    told = story("production")
    told.ask()
    assert "red_team_early" not in standing(told)


def test_published_by_a_second_person_it_is_judged_by_and_never_changes():
    told = story()
    told.give_all()
    told.ask()
    signed = live(Promotion.objects.get(pk=told.promotion.pk)).digest
    made = draft("sandbox", RED_TEAM)
    assert refusal(publish, made, actor=make.author()) == {"WROTE_IT"}
    published = publish(made)
    assert published.digest == digest(published.content.encode())
    assert json.loads(published.content)["schema"] == "gatehouse.gate/3"
    assert standing(told) == ["red_team_early"]
    package = live(Promotion.objects.get(pk=told.promotion.pk))
    assert package.digest != signed, "signatures on the earlier package stop counting"
    versions = package.document["gate"]["versions"]
    assert [(one["gate"], one["number"], one["digest"]) for one in versions] == [
        ("sandbox", 2, published.digest)
    ]
    assert refusal(publish, made) == {"SEALED"}
    row = published.requirements.get(code="red_team_early")
    by = {"actor": make.author(), "reason": WHY}
    assert refusal(transitions.save_requirement, row.pk, values={}, **by) == {"SEALED"}
    assert refusal(transitions.remove_requirement, row.pk, **by) == {"SEALED"}
    assert refusal(transitions.save_gate_draft, made.pk, notes="", slots={}, **by) == {"SEALED"}
    assert verify("record").found == []


def test_an_approval_keeps_the_version_it_was_judged_by(client):
    told = approved()
    document = json.loads(told.promotion.decided_package.content)
    publish(draft("sandbox", RED_TEAM))
    assert decide(told.release, told.environment)["allowed"]
    kept = json.loads(Promotion.objects.get(pk=told.promotion.pk).decided_package.content)
    assert kept == document
    assert kept["gate"]["versions"][0]["number"] == 1
    client.force_login(told.requester)
    page = client.get(told.promotion.get_absolute_url()).content.decode()
    assert f'<a href="/gates/gateversion/{shipped().pk}/change/">sandbox v1</a>' in page


def test_a_waiver_goes_with_the_requirement_as_it_was_asked_for():
    told = story()
    told.give_all(without=["safety_check"])
    told.ask()
    told.waive()
    assert standing(told) == []
    same = draft()
    publish(same)
    assert standing(told) == [], "another version asks for the same"
    stricter = transitions.new_gate_version_from(same.pk, actor=make.author(), reason=WHY)
    row = stricter.requirements.get(code="safety_checks")
    transitions.save_requirement(
        row.pk,
        values={"terms": {**row.terms, "max_age_days": 30}},
        actor=make.author(),
        reason=WHY,
    )
    publish(stricter)
    assert standing(told) == ["safety_checks"], "asked for otherwise, it is another one"


def test_a_partial_run_meets_what_a_later_version_allows_it_to(client):
    told, kept = story("production"), shipped("production").digest
    told.give_all(without=["benchmark"])
    run = told.give_run("0.95", accept=False, run={"completeness": "partial"})
    reviewer = told.signer(Role.REVIEWER)
    waits = f"Accept run {run.pk} of"
    client.force_login(reviewer)
    assert waits not in client.get("/").content.decode()
    told.ask()
    assert standing(told) == ["benchmark_scores"]
    made = draft("production")
    client.force_login(make.author())
    row = made.requirements.get(code="benchmark_scores")
    address = f"/gates/requirement/{row.pk}/change/"
    form = client.get(address).context["adminform"].form
    assert not form.initial.get("partial")
    said = {name: form.initial[name] for name in ("code", "type", "sentence", "guidance")}
    answer = client.post(address, {**said, "partial": "on", "reason": WHY})
    assert answer.status_code == 302
    row.refresh_from_db()
    assert row.terms == {"partial": True}
    assert (
        "A partial run counts too"
        in client.get(f"/gates/gateversion/{made.pk}/change/").content.decode()
    )
    publish(made)
    assert shipped("production").digest == kept
    client.force_login(reviewer)
    assert waits in client.get("/").content.decode()
    accept_run(run.pk, actor=reviewer, reason=WHY)
    transitions.take_in(told.promotion.pk, actor=told.requester, reason=WHY)
    assert standing(told) == []


def test_slots_freshness_independence_and_thresholds_of_a_gate_count():
    told = story()
    given = told.give_all()
    told.give_run("0.95")
    made = draft(
        "sandbox",
        {
            "code": "measured",
            "type": "score",
            "sentence": "It was measured.",
            "terms": {
                "demands": [
                    {
                        "suite": told.suite.suite.slug,
                        "metric": told.suite.metrics.get().name,
                        "threshold": "0.97",
                    }
                ]
            },
        },
    )
    row = made.requirements.get(code="safety_checks")
    transitions.save_requirement(
        row.pk,
        values={"terms": {**row.terms, "standings": ["independent"], "max_age_days": 10}},
        actor=make.author(),
        reason=WHY,
    )
    transitions.save_gate_draft(
        made.pk,
        notes="Stricter.",
        slots={"reviewer": 2, "privacy_officer": 1},
        actor=make.author(),
        reason=WHY,
    )
    publish(made)
    told.ask()
    assert standing(told) == ["measured", "safety_checks"]
    told.give("safety_check", standing="independent")
    told.give_run("0.98")
    transitions.take_in(told.promotion.pk, actor=told.requester, reason=WHY)
    assert standing(told) == []
    slots = live(Promotion.objects.get(pk=told.promotion.pk)).document["gate"]["slots"]
    assert slots == ["reviewer:1", "reviewer:2", "privacy_officer:1"], "in the order written"
    with clock.at(clock.now() + days(11)):
        assert standing(told) == ["safety_checks"]
    assert given["safety_check"].expires_at > clock.now() + days(11)


def test_who_may_draft_and_what_is_refused():
    told = story()
    for person in (
        told.requester,
        make.admin(),
        make.make_person("", Role.POLICY_AUTHOR, team=told.use_case.team),
    ):
        with pytest.raises(NotAllowed):
            transitions.new_gate_version_from(shipped().pk, actor=person, reason=WHY)
    made = draft()
    by = {"actor": make.author(), "reason": WHY}
    with pytest.raises(Conflict):
        transitions.new_gate_version_from(shipped().pk, **by)
    assert refusal(
        transitions.save_requirement,
        None,
        gate_version=made.pk,
        values={**RED_TEAM, "terms": {"kind": "gossip"}},
        **by,
    ) == {"TERMS_REFUSED"}
    for slots, code in (
        ({"registrar": 1}, "ROLE_SIGNS_NOTHING"),
        ({"reviewer": 0}, "COUNT_WRONG"),
    ):
        assert refusal(transitions.save_gate_draft, made.pk, notes="", slots=slots, **by) == {code}
    transitions.save_gate_draft(made.pk, notes="", slots={}, **by)
    assert refusal(publish, made) == {"SLOT_MISSING"}
    transitions.save_gate_draft(made.pk, notes="", slots={"reviewer": 1}, **by)
    assert refusal(publish, made, seen="sha256:" + "0" * 64) == {"CHANGED"}
    publish(made)


def test_a_draft_is_one_and_published_by_two_even_in_plain_sql():
    made = draft()

    def execute(sql: str) -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(sql)

    columns = [one.column for one in GateVersion._meta.concrete_fields if one.column != "id"]
    chosen = ["9" if one == "number" else one for one in columns]
    with pytest.raises(IntegrityError):
        execute(
            f"INSERT INTO gates_gateversion ({', '.join(columns)}) "
            f"SELECT {', '.join(chosen)} FROM gates_gateversion WHERE id = {made.pk}"
        )
    with pytest.raises(IntegrityError, match="gateversion_by_two"):
        execute(
            f"UPDATE gates_gateversion SET published_by_id = drafted_by_id WHERE id = {made.pk}"
        )
    publish(made)
    for table, model in (
        ("gates_requirement", Requirement),
        ("gates_signoffslot", SignOffSlot),
    ):
        row = model.objects.filter(gate_version=made).first()
        for sql in (f"UPDATE {table} SET id = id", f"DELETE FROM {table}"):
            with pytest.raises(Exception, match="sealed"):
                execute(f"{sql} WHERE id = {row.pk}")


def test_the_preview_says_what_would_not_pass_and_names_nothing_hidden(client):
    passing, waiting = approved(), story()
    waiting.give_all()
    waiting.ask()
    made = draft("sandbox", RED_TEAM)
    transitions.save_gate_draft(
        made.pk, notes="", slots={"reviewer": 1, "risk_owner": 1}, actor=make.author(), reason=WHY
    )
    auditor = make.make_person("", Role.AUDITOR)
    found = {one.promotion.pk: one for one in effects(made, auditor)}
    assert set(found) == {passing.promotion.pk, waiting.promotion.pk}
    one = found[passing.promotion.pk]
    assert [finding.code for finding in one.broken] == ["red_team_early"]
    assert one.slots == ("wants a risk owner to sign",)
    client.force_login(auditor)
    page = client.get(f"/gates/versions/{made.pk}/preview/").content.decode()
    assert "1 approval would not pass any more, and 1 open promotion would be held up." in page
    client.force_login(waiting.requester)
    page = client.get(f"/gates/versions/{made.pk}/preview/").content.decode()
    assert "And 1 you may not see." in page
    assert str(passing.release) not in page
    publish(made)
    assert client.get(f"/gates/versions/{made.pk}/preview/").status_code == 404


def test_drafting_and_publishing_in_the_portal(client):
    paula, percy = make.author(), make.author("percy")
    client.force_login(paula)
    there = f"/gates/gateversion/{shipped().pk}/"
    assert "New version from this one" in client.get(f"{there}change/").content.decode()
    assert client.post(f"{there}new-version/", {"reason": WHY}).status_code == 302
    made = GateVersion.objects.get(number=2)
    page = client.get(f"/gates/gateversion/{made.pk}/change/")
    assert page.status_code == 200
    assert "Add a requirement" in page.content.decode()
    address = f"/gates/requirement/add/?gate_version={made.pk}"
    assert client.get(address).status_code == 200
    form = {
        "gate_version": made.pk,
        "code": "red_team_early",
        "type": "evidence",
        "sentence": "A red team attacked it.",
        "guidance": "Ask the laboratory.",
        "guidance_url": "https://handbook.example.org/red-team",
        "kind": "red_team",
        "verdicts": ["pass"],
        "tiers": ["limited", "high"],
        "never_waived": "on",
        "reason": WHY,
    }
    for wrong in ({"kind": ""}, {"check": "log_traceable"}, {"demands": "x"}):
        assert client.post(address, {**form, **wrong}).status_code == 422, wrong
    answer = client.post(address, form)
    assert answer.status_code == 302, answer.context["errors"]
    row = made.requirements.get(code="red_team_early")
    assert row.terms == {
        "kind": "red_team",
        "verdicts": ["pass"],
        "tiers": ["limited", "high"],
        "waivable": False,
    }
    own = f"/gates/requirement/{row.pk}/"
    shown = client.get(f"{own}change/")
    assert shown.context["adminform"].form.initial["kind"] == "red_team"
    kept = {name: value for name, value in form.items() if name != "gate_version"}
    assert client.post(f"{own}change/", {**kept, "max_age_days": "30"}).status_code == 302
    row.refresh_from_db()
    assert row.terms["max_age_days"] == 30
    slot = made.slots.get()
    draft_form = {
        "notes": "Red team early.",
        "reason": WHY,
        "slots-TOTAL_FORMS": "2",
        "slots-INITIAL_FORMS": "1",
        "slots-0-id": slot.pk,
        "slots-0-gate_version": made.pk,
        "slots-0-role": "reviewer",
        "slots-0-count": "2",
        "slots-1-gate_version": made.pk,
        "slots-1-role": "risk_owner",
        "slots-1-count": "1",
    }
    answer = client.post(f"/gates/gateversion/{made.pk}/change/", draft_form)
    assert answer.status_code == 302, answer.context["errors"]
    assert dict(made.slots.values_list("role", "count")) == {"reviewer": 2, "risk_owner": 1}
    publish_at = f"/gates/gateversion/{made.pk}/publish/"
    assert client.post(publish_at, {"reason": WHY}).status_code == 403
    client.force_login(percy)
    assert client.get(publish_at).status_code == 200
    assert client.post(publish_at, {"reason": WHY}).status_code == 302
    page = client.get(f"/gates/gateversion/{made.pk}/change/").content.decode()
    assert "This version is in force." in page
    assert "https://handbook.example.org/red-team" in page
    assert client.get(f"{own}change/").status_code == 302
    assert client.get("/gates/requirement/").status_code == 200


def test_the_effective_gate_says_why_each_requirement_applies(client):
    told = story("production", risk_tier="minimal")
    caller = reader("viewer", team=told.use_case.team)
    question = {"use_case": told.use_case.slug, "environment": told.environment.slug}
    answer = caller.get("effective-gate/", **question).json()
    assert (answer["gate"], answer["at"]) == ("production", None)
    found = {one["code"]: one for one in answer["requirements"]}
    assert found["red_team"]["applies"] is False
    assert found["red_team"]["why"] == "Not asked: the use case is minimal risk."
    assert found["privacy_review"]["why"] == "The production gate asks for it."
    assert found["safety_checks"]["why"].startswith("The production gate adds to the sandbox gate")
    assert found["basic_metadata"]["never_waived"]
    before = clock.now()
    publish(draft("sandbox", RED_TEAM))
    codes = {
        one["code"] for one in caller.get("effective-gate/", **question).json()["requirements"]
    }
    assert "red_team_early" in codes
    then = caller.get("effective-gate/", **question, at=before.isoformat().replace("+00:00", "Z"))
    assert "red_team_early" not in {one["code"] for one in then.json()["requirements"]}
    client.force_login(told.requester)
    page = client.get("/gates/effective/", question).content.decode()
    assert "Not asked: the use case is minimal risk." in page
    assert client.get("/gates/effective/").status_code == 200
    assert client.get("/gates/effective/", {**question, "use_case": "x"}).status_code == 404
    assert len(gate_for(told.environment, told.use_case).versions) == 2
    told.ask()
    assert assess(told.promotion).gate.name == "production"
