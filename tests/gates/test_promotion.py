"""From asking to the decision: what the verbs write, and what they refuse."""

import json
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction

from audit import Conflict, Refused, clock
from audit.models import Entry
from audit.refusals import NotAllowed
from audit.rules import digest
from audit.verifying import verify
from evidence import transitions as evidence
from gates import transitions
from gates.decisions import decide
from gates.models import Package, PackagePerson, Promotion
from gates.packages import live
from gates.rules import in_the_way
from registry.roles import Role
from tests import make
from tests.gates.stories import WHY, approved, days, story, verify_record

pytestmark = pytest.mark.django_db


def in_the_way_of(told) -> list[str]:
    promotion = Promotion.objects.get(pk=told.promotion.pk)
    return [f"{one.code} {one.status}" for one in in_the_way(live(promotion).findings)]


def answer(told, at=None) -> dict:
    return decide(told.release, told.environment, at)


def codes(told, at=None) -> list[str]:
    return [reason["code"] for reason in answer(told, at)["reasons"]]


def refusal(verb, *arguments, **values) -> set[str]:
    with pytest.raises(Refused) as refused:
        verb(*arguments, **values)
    return {reason.code for reason in refused.value.reasons}


# The way through, gate by gate


def test_a_sandbox_takes_two_items_and_one_signature():
    told = story("sandbox")
    assert codes(told) == ["NEVER_REQUESTED"]
    told.ask()
    assert in_the_way_of(told) == ["safety_checks missing", "data_boundary missing"]
    assert codes(told) == [
        "IN_REVIEW",
        "FINDING_MISSING",
        "FINDING_MISSING",
        "SIGN_OFF_WANTED",
    ]
    told.give_all()
    assert "safety_checks missing" in in_the_way_of(told), "not before it is taken in"
    transitions.take_in(told.promotion.pk, actor=told.requester, reason=WHY)
    assert in_the_way_of(told) == []
    promotion = told.sign_all()
    assert promotion.state == "approved"
    given = answer(told)
    assert (given["allowed"], given["promotion"]) == (True, promotion.pk)
    assert given["endpoints"] == [told.endpoint.slug]
    assert given["release"] == told.release.digest


def test_production_asks_for_its_own_and_for_the_sandbox_s():
    told = story("production", risk_tier="limited")
    told.ask()
    assert in_the_way_of(told) == [
        "safety_checks missing",
        "data_boundary missing",
        "benchmark_scores missing",
        "privacy_review missing",
        "rollback_plan missing",
        "operational_readiness missing",
        "red_team missing",
    ]
    told.give_all()
    transitions.take_in(told.promotion.pk, actor=told.requester, reason=WHY)
    told.sign(told.signer(Role.REVIEWER))
    assert codes(told) == ["IN_REVIEW", "SIGN_OFF_WANTED"]
    told.sign(told.signer(Role.RISK_OWNER))
    assert answer(told)["allowed"]
    assert verify("record").found == []


def test_minimal_risk_needs_no_red_team():
    told = story("production", risk_tier="minimal")
    told.ask()
    assert "red_team missing" not in in_the_way_of(told)


def test_high_risk_meets_the_regulated_gate_in_production():
    told = story("production", risk_tier="high")
    told.give_all()
    told.ask()
    assert in_the_way_of(told) == ["evidence_complete missing", "log_traceable missing"]
    verify_record()
    assert in_the_way_of(told) == []
    promotion = told.sign_all()
    assert promotion.state == "approved"
    signed = promotion.people.filter(kind="signer").values_list("role", flat=True)
    assert list(signed) == [
        "reviewer",
        "risk_owner",
        "privacy_officer",
        "independent_validator",
    ]
    assert promotion.review_at.year == promotion.decided_at.year + 1


def test_the_package_holds_what_is_signed_and_everybody_involved():
    told = approved("production", risk_tier="limited")
    package = told.promotion.decided_package
    document = json.loads(package.content)
    assert digest(package.content.encode()) == package.digest
    assert document["release"]["digest"] == told.release.digest
    assert document["endpoints"] == [{"slug": told.endpoint.slug, "digest": told.endpoint.digest}]
    assert document["gate"]["effective"] == "production"
    assert [one["gate"] for one in document["gate"]["versions"]] == ["sandbox", "production"]
    assert document["use_case"]["risk_tier"] == "limited"
    assert document["effective_policy"].startswith("sha256:")
    assert document["rollback"] == ["switch_off"]
    assert document["demands"][0]["threshold"] == "0.9"
    involved = {one["name"]: one["ties"] for one in document["involved"]}
    assert "requester" in involved[told.requester.username]
    assert involved[told.contributor.username] == ["gave_evidence"]
    assert set(involved["rhea"]) == {"made_endpoint", "made_prompt", "made_release"}
    rows = package.people.filter(kind="involved").values_list("person__username", flat=True)
    assert set(rows) == set(involved)


# What asking refuses


def test_asking_takes_the_role_and_a_sealed_release_and_an_endpoint_that_serves_it():
    told = story()
    asked = {
        "release": told.release,
        "environment": told.environment,
        "endpoints": [told.endpoint],
        "purpose": "For customers.",
        "actor": told.requester,
        "reason": WHY,
    }
    with pytest.raises(NotAllowed):
        transitions.request(**{**asked, "actor": told.contributor})
    draft = make.make_release(
        use_case=told.use_case, version=told.release.model_version, sealed=False
    )
    assert refusal(transitions.request, **{**asked, "release": draft}) == {"NOT_SEALED"}
    assert refusal(transitions.request, **{**asked, "endpoints": []}) == {"ENDPOINT_MISSING"}
    other = make.make_endpoint(version=make.make_model_version(team=told.use_case.team))
    assert refusal(transitions.request, **{**asked, "endpoints": [other]}) == {
        "ENDPOINT_SERVES_ANOTHER"
    }
    foreign = make.make_endpoint()
    assert "ENDPOINT_UNKNOWN" in refusal(transitions.request, **{**asked, "endpoints": [foreign]})
    transitions.request(**asked)
    assert refusal(transitions.request, **asked) == {"OPEN_ALREADY"}


def test_only_one_undecided_promotion_even_in_plain_sql():
    told = story()
    told.ask(submit=False)
    columns = (
        "release_id, environment_id, purpose, requested_by_id, created_at, state, submission, "
        "change_id"
    )
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO gates_promotion ({columns}) SELECT {columns} FROM gates_promotion"
        )


def test_what_is_decided_is_not_touched_again():
    told = approved()
    pk = told.promotion.pk
    again = {"actor": told.requester, "reason": WHY}
    for verb in (transitions.submit, transitions.take_in, transitions.withdraw):
        with pytest.raises(Conflict):
            verb(pk, **again)
    with pytest.raises(Conflict):
        transitions.amend(pk, endpoints=[told.endpoint], purpose="Other.", wanted_by=None, **again)
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE gates_promotion SET state = 'draft', decided_at = NULL")


# Signing


def test_a_signature_keeps_who_as_what_meaning_why_when_and_how():
    told = story()
    told.give_all()
    told.ask()
    rita = told.signer(Role.REVIEWER)
    row = told.sign(rita, reason="Read in full.")
    assert (row.person, row.role, row.slot, row.verdict) == (
        rita,
        "reviewer",
        "reviewer:1",
        "approve",
    )
    assert (row.printed_name, row.meaning, row.reason) == (rita.name, "reviewed", "Read in full.")
    assert row.authentication == "password"
    assert row.package_digest == row.package.digest
    entry = Entry.objects.get(row=row.key)
    assert entry.event == "promotion.signed_approve"
    assert json.loads(entry.body)["facts"]["package"] == row.package_digest


@pytest.mark.parametrize(
    ("who", "codes"),
    [
        ("requester", {"NO_ROLE", "INVOLVED"}),
        ("contributor", {"NO_ROLE", "INVOLVED"}),
        ("registrar", {"NO_ROLE", "INVOLVED"}),
        ("admin", {"NO_ROLE"}),
        ("stranger", {"NO_ROLE"}),
    ],
)
def test_promise_7_nobody_signs_what_they_had_a_hand_in(who, codes):
    told = story()
    told.give_all()
    told.ask()
    person = {
        "requester": told.requester,
        "contributor": told.contributor,
        "registrar": make.registrar(),
        "admin": make.admin(),
        "stranger": make.make_person("", Role.REVIEWER, team=make.make_team()),
    }[who]
    assert refusal(told.sign, person) == codes


def test_promise_7_a_reviewing_role_does_not_heal_a_tie():
    told = story()
    told.give_all()
    told.ask()
    for person in (told.requester, told.contributor):
        make.grant(person, Role.REVIEWER, team=told.use_case.team)
        assert refusal(told.sign, person) == {"INVOLVED", *()} | ({"INVOLVED"} if person else set())


@pytest.mark.parametrize("hand", ["amended", "submitted", "took_in"])
def test_promise_7_whoever_else_worked_on_the_request_does_not_sign_it(hand):
    told = story()
    told.give_all()
    told.ask(submit=hand != "submitted")
    rob = make.make_person("rob", Role.REQUESTER, Role.REVIEWER, team=told.use_case.team)
    pk = told.promotion.pk
    if hand == "amended":
        transitions.amend(
            pk,
            endpoints=[told.endpoint],
            purpose="Cheaper answers.",
            wanted_by=None,
            actor=rob,
            reason=WHY,
        )
    elif hand == "submitted":
        transitions.submit(pk, actor=rob, reason=WHY)
    else:
        transitions.take_in(pk, actor=rob, reason=WHY)
    assert refusal(told.sign, rob) == {"INVOLVED"}


def test_promise_7_whoever_gave_a_run_in_another_s_item_does_not_sign_what_rests_on_it():
    told = story("production")
    told.give_all(without=["safety_check"])
    item = told.give("safety_check", release=None, version=told.release.model_version)
    rob = make.make_person("rob", Role.EVIDENCE_CONTRIBUTOR, Role.REVIEWER, team=told.use_case.team)
    suite = make.make_suite_version()
    run = {"suite_version": suite, "ran_at": clock.now(), "source": "harness 1.0"}
    scores = [{"metric": suite.metrics.get(), "text": "0.95"}]
    evidence.add_run(item.pk, **run, scores=scores, actor=rob, reason=WHY)
    told.ask()
    assert refusal(told.sign, rob) == {"INVOLVED"}


def test_promise_7_one_person_fills_one_slot():
    told = story("production")
    told.give_all()
    told.ask()
    rita = told.signer(Role.REVIEWER)
    make.grant(rita, Role.RISK_OWNER, team=told.use_case.team)
    told.sign(rita)
    assert "ALREADY_SIGNED" in refusal(told.sign, rita, role="risk_owner", meaning="accepts_risk")


def insert_signature(package: Package, person, slot: str) -> None:
    """A signature by plain SQL, whole in itself: the database alone has to refuse it."""
    told = PackagePerson(
        promotion=package.promotion,
        package=package,
        person=person,
        kind="signer",
        slot=slot,
        role="reviewer",
        verdict="approve",
        meaning="reviewed",
        reason="x",
        package_digest=package.digest,
        printed_name="x",
        authentication="password",
        challenge=transitions.issue_challenge(
            package.promotion_id, actor=person, verdict="approve", package_digest=package.digest
        ),
        signed_at=clock.now(),
        change_id=package.change_id,
    )
    fields = [field for field in PackagePerson._meta.concrete_fields if not field.primary_key]
    values = [field.get_db_prep_save(getattr(told, field.attname), connection) for field in fields]
    names = ", ".join(f'"{field.column}"' for field in fields)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO gates_packageperson ({names}) VALUES ({', '.join(['%s'] * len(fields))})",
            values,
        )


def test_promise_7_holds_where_no_python_rule_runs():
    told = story()
    told.give_all()
    told.ask()
    package = Package.objects.get()
    for involved in (told.requester, told.contributor, make.registrar()):
        with pytest.raises(IntegrityError):
            insert_signature(package, involved, "reviewer:1")
    rita, ruth = make.make_person(), make.make_person()
    insert_signature(package, rita, "reviewer:1")
    with pytest.raises(IntegrityError):
        insert_signature(package, ruth, "reviewer:1")
    with pytest.raises(IntegrityError):
        insert_signature(package, rita, "risk_owner:1")
    for column in ("slot", "challenge_id", "signed_at"):
        with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO gates_packageperson (promotion_id, package_id, person_id, kind, "
                "ties, role, verdict, meaning, reason, package_digest, printed_name, "
                "authentication, change_id) SELECT promotion_id, package_id, %s, kind, ties, "
                "role, verdict, meaning, reason, package_digest, printed_name, authentication, "
                f"change_id FROM gates_packageperson WHERE {column} IS NOT NULL",
                [ruth.pk],
            )


def test_promise_8_the_password_is_asked_for_and_five_failures_lock():
    told = story()
    told.give_all()
    told.ask()
    rita = told.signer(Role.REVIEWER)
    for _ in range(4):
        assert refusal(told.sign, rita, password="wrong") == {"PASSWORD_WRONG"}
    assert refusal(told.sign, rita, password="wrong") == {"SIGNING_LOCKED"}
    assert refusal(told.sign, rita) == {"SIGNING_LOCKED"}
    with clock.at(clock.now() + timedelta(minutes=16)):
        assert told.sign(rita)


def test_promise_8_one_challenge_one_signature():
    told, other = story("production"), story("production")
    for one in (told, other):
        one.give_all()
        one.ask()
    rita = told.signer(Role.REVIEWER)
    shown = live(told.promotion).digest

    def challenge(person=rita, promotion=told.promotion, verdict="approve", digest=shown):
        return transitions.issue_challenge(
            promotion.pk, actor=person, verdict=verdict, package_digest=digest
        )

    unknown = {"CHALLENGE_UNKNOWN"}
    assert refusal(told.sign, rita, challenge=challenge(told.signer(Role.RISK_OWNER))) == unknown
    assert refusal(told.sign, rita, challenge=challenge(promotion=other.promotion)) == unknown
    assert refusal(told.sign, rita, challenge=challenge(verdict="reject")) == unknown
    assert refusal(told.sign, rita, challenge=challenge(digest="sha256:other")) == unknown
    late = challenge()
    with clock.at(clock.now() + timedelta(minutes=10, seconds=1)):
        assert refusal(told.sign, rita, challenge=late) == {"CHALLENGE_ENDED"}
    used = challenge()
    told.sign(rita, challenge=used)
    with pytest.raises(Conflict):
        told.sign(rita, challenge=used)
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE gates_packageperson SET challenge_id = NULL")


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"verdict": "perhaps"}, "VERDICT_UNKNOWN"),
        ({"meaning": "whatever"}, "MEANING_UNKNOWN"),
        ({"reason": "  "}, "REASON_MISSING"),
        ({"role": "risk_owner"}, "ROLE_NOT_HELD"),
    ],
)
def test_a_signature_says_what_it_means_and_why(values, code):
    told = story("production")
    told.give_all()
    told.ask()
    rita = told.signer(Role.REVIEWER)
    made = transitions.issue_challenge(
        told.promotion.pk,
        actor=rita,
        verdict="approve",
        package_digest=live(told.promotion).digest,
    )
    values = {"meaning": "reviewed", "challenge": made, **values}
    with pytest.raises(Refused) as refused:
        transitions.sign(
            told.promotion.pk,
            **{
                "verdict": "approve",
                "package_digest": live(told.promotion).digest,
                "password": make.PASSWORD,
                "reason": WHY,
                "actor": rita,
                **values,
                "challenge": made.pk,
            },
        )
    assert code in {reason.code for reason in refused.value.reasons}


def test_an_approval_waits_for_findings_and_a_rejection_does_not():
    told = story()
    told.ask()
    rita = told.signer(Role.REVIEWER)
    assert refusal(told.sign, rita) == {"FINDING_MISSING"}
    told.sign(rita, "reject")
    assert codes(told) == ["REJECTED"]
    assert Promotion.objects.get().decided_package is not None


def test_requested_changes_are_answered_by_a_new_submission_that_is_signed_anew():
    told = story("production")
    told.give_all()
    told.ask()
    told.sign(told.signer(Role.REVIEWER))
    told.sign(told.signer(Role.RISK_OWNER), "request_changes")
    assert codes(told)[0] == "CHANGES_REQUESTED"
    transitions.submit(told.promotion.pk, actor=told.requester, reason=WHY)
    assert codes(told) == ["IN_REVIEW", "SIGN_OFF_WANTED", "SIGN_OFF_WANTED"]
    assert told.sign_all().state == "approved"


# Promise 6: a signature counts only on the live package


def amend_endpoint(told):
    endpoint = told.endpoint
    make.save(type(endpoint), {"address": "https://moved.example.org"}, pk=endpoint.pk)


def withdraw_evidence(told):
    item = told.release.evidence.get(kind="safety_check")
    evidence.withdraw(item.pk, actor=told.contributor, reason=WHY)


def newer_failing_run(told):
    told.give_run("0.1")


def take_in_newer(told):
    told.give("safety_check")
    transitions.take_in(told.promotion.pk, actor=told.requester, reason=WHY)


def raise_the_tier(told):
    make.save(type(told.use_case), {"risk_tier": "limited"}, pk=told.use_case.pk)


@pytest.mark.parametrize(
    "cause",
    [amend_endpoint, withdraw_evidence, newer_failing_run, take_in_newer, raise_the_tier],
)
def test_promise_6_a_changed_package_makes_signatures_stop_counting(cause):
    told = story("production", risk_tier="minimal")
    told.give_all()
    told.ask()
    shown = live(told.promotion).digest
    told.sign(told.signer(Role.REVIEWER))
    assert codes(told).count("SIGN_OFF_WANTED") == 1
    cause(told)
    assert live(Promotion.objects.get(pk=told.promotion.pk)).digest != shown
    assert codes(told).count("SIGN_OFF_WANTED") == 2
    assert refusal(told.sign, told.signer(Role.RISK_OWNER), package_digest=shown) == {
        "PACKAGE_CHANGED"
    }


def test_promise_6_newer_passing_evidence_changes_nothing_until_taken_in():
    told = story("production")
    told.give_all()
    told.ask()
    told.sign(told.signer(Role.REVIEWER))
    shown = live(told.promotion).digest
    told.give_run("0.99")
    told.give("privacy_review")
    assert live(Promotion.objects.get(pk=told.promotion.pk)).digest == shown
    assert codes(told).count("SIGN_OFF_WANTED") == 1


def test_promise_6_evidence_by_somebody_new_voids_nothing_and_still_ties_its_giver():
    told = story("production")
    told.give_all()
    told.ask()
    told.sign(told.signer(Role.REVIEWER))
    shown = live(told.promotion).digest
    rob = make.make_person("rob", Role.EVIDENCE_CONTRIBUTOR, Role.RISK_OWNER)
    told.give("privacy_review", actor=rob)
    assert live(Promotion.objects.get(pk=told.promotion.pk)).digest == shown
    assert refusal(told.sign, rob) == {"INVOLVED"}


def test_a_signer_who_lost_the_role_no_longer_counts_when_the_decision_falls():
    from registry import transitions as registry
    from registry.models import RoleGrant

    told = story("production")
    told.give_all()
    told.ask()
    rita = told.signer(Role.REVIEWER)
    told.sign(rita)
    grant = RoleGrant.objects.get(person=rita, ended_at=None)
    registry.end_grant(grant.pk, actor=make.admin(), reason=WHY)
    told.sign(told.signer(Role.RISK_OWNER))
    assert Promotion.objects.get(pk=told.promotion.pk).state == "in_review"
    assert codes(told) == ["IN_REVIEW", "SIGN_OFF_WANTED"]


# Promise 10: an approval ends by itself


def test_promise_10_withdrawn_evidence_ends_it():
    told = approved("production")
    withdraw_evidence(told)
    assert codes(told)[0] == "EVIDENCE_WITHDRAWN"


def test_promise_10_ended_evidence_ends_it():
    told = approved("production")
    until = told.release.evidence.get(kind="safety_check").expires_at
    assert answer(told)["expires_at"] <= until.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    with clock.at(until):
        assert codes(told)[0] == "EVIDENCE_ENDED"
    with clock.at(until - timedelta(seconds=1)):
        assert answer(told)["allowed"]


def test_promise_10_a_newer_failing_run_ends_it_once_it_is_accepted():
    told = approved("production")
    run = told.give_run("0.5", accept=False)
    assert answer(told)["allowed"]
    evidence.accept_run(run.pk, actor=told.signer(Role.RISK_OWNER), reason=WHY)
    assert codes(told)[0] == "NEWER_RUN_FAILS"
    evidence.withdraw(run.item_id, actor=told.contributor, reason="To bring it back.")
    assert codes(told)[0] == "NEWER_RUN_FAILS", "who gave it cannot bring the approval back"


def test_promise_10_an_older_or_passing_or_partial_run_does_not_end_it():
    told = approved("production")
    told.give_run("0.99")
    told.give_run("0.5", ran_at=clock.now() - days(30))
    assert answer(told)["allowed"]


def test_promise_10_the_review_date_ends_it():
    told = approved("sandbox")
    with clock.at(told.promotion.review_at):
        assert "REVIEW_DUE" in codes(told)


def test_promise_10_an_endpoint_that_changed_is_no_longer_covered():
    told = approved("production")
    amend_endpoint(told)
    assert codes(told)[0] == "ENDPOINT_CHANGED"


def test_the_past_is_answered_from_what_was_known_then():
    told = approved("production")
    then = clock.now()
    before = told.promotion.change.at - timedelta(microseconds=1)
    withdraw_evidence(told)
    amend_endpoint(told)
    assert not answer(told)["allowed"]
    assert answer(told, then)["allowed"]
    assert codes(told, before) == ["IN_REVIEW"]
    first = told.promotion.history.earliest().change.at - timedelta(microseconds=1)
    assert codes(told, first) == ["NEVER_REQUESTED"]


def test_of_two_approvals_the_one_that_ends_last_is_named_and_a_rejected_renewal_harms_neither():
    told = story("sandbox")
    told.give_all()
    told.ask()
    first = told.sign_all()
    with clock.at(clock.now() + days(30)):
        told.give("safety_check")
        told.give("data_boundary")
        told.ask()
        second = told.sign_all()
        assert answer(told)["promotion"] == second.pk
        told.ask()
        told.sign(told.signer(Role.REVIEWER), "reject")
        assert answer(told)["promotion"] == second.pk
    assert first.pk != second.pk
    with clock.at(first.decided_at + days(185)):
        assert answer(told)["promotion"] == second.pk, "the first ended, the second holds"
