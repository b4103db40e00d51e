"""Who may sign what, and which signatures count, as tables."""

from dataclasses import replace

import pytest

from gates.rules import (
    Finding,
    PersonFacts,
    ReviewFacts,
    SignOff,
    Slot,
    Status,
    counting,
    objections,
    open_slots,
)
from gates.rules.signing import MEANINGS, TIES, VERDICTS, free_slot, meanings
from registry.roles import REVIEWING

LIVE, OLD = "sha256:live", "sha256:old"
REVIEWER, OWNER = Slot("reviewer", 1), Slot("risk_owner", 1)
REVIEW = ReviewFacts(state="in_review", package_digest=LIVE, slots=(REVIEWER, OWNER))
RITA = PersonFacts(id=1, roles=frozenset({"reviewer"}))
SIGNED = SignOff(1, "Rita", "reviewer:1", "approve", LIVE)
FAILED = Finding("safety", "sandbox", Status.FAILED, "Safety checks passed.", "One failed.")
MET = replace(FAILED, status=Status.MET)


@pytest.mark.parametrize(
    ("review", "person", "verdict", "codes"),
    [
        (REVIEW, RITA, "approve", []),
        (REVIEW, RITA, "reject", []),
        (replace(REVIEW, state="draft"), RITA, "approve", ["NOT_IN_REVIEW"]),
        (replace(REVIEW, state="approved"), RITA, "reject", ["NOT_IN_REVIEW"]),
        (REVIEW, replace(RITA, roles=frozenset()), "approve", ["NO_ROLE"]),
        (REVIEW, replace(RITA, roles=frozenset({"privacy_officer"})), "approve", ["NO_ROLE"]),
        (REVIEW, replace(RITA, ties=("requester",)), "approve", ["INVOLVED"]),
        (
            REVIEW,
            replace(RITA, ties=("made_release", "gave_evidence")),
            "reject",
            ["INVOLVED", "INVOLVED"],
        ),
        (REVIEW, replace(RITA, is_person=False), "approve", ["SERVICE_ACCOUNT"]),
        (replace(REVIEW, sign_offs=(SIGNED,)), RITA, "approve", ["ALREADY_SIGNED"]),
        # One person fills one slot, whatever other role they hold.
        (
            replace(REVIEW, sign_offs=(SIGNED,)),
            replace(RITA, roles=frozenset({"reviewer", "risk_owner"})),
            "approve",
            ["ALREADY_SIGNED"],
        ),
        (
            replace(REVIEW, sign_offs=(replace(SIGNED, person=2),)),
            RITA,
            "approve",
            ["SLOT_FILLED"],
        ),
        # A signature on an earlier package neither counts nor blocks.
        (
            replace(REVIEW, sign_offs=(replace(SIGNED, package_digest=OLD),)),
            RITA,
            "approve",
            [],
        ),
        # What stands in the way stops an approval, not a request for changes.
        (replace(REVIEW, findings=(FAILED, MET)), RITA, "approve", ["FINDING_FAILED"]),
        (replace(REVIEW, findings=(FAILED, MET)), RITA, "request_changes", []),
        # Every reason at once.
        (
            replace(REVIEW, state="rejected", findings=(FAILED,)),
            replace(RITA, roles=frozenset(), ties=("requester",)),
            "approve",
            ["NOT_IN_REVIEW", "NO_ROLE", "INVOLVED", "FINDING_FAILED"],
        ),
    ],
)
def test_objections(review, person, verdict, codes):
    assert [reason.code for reason in objections(review, person, verdict)] == codes


@pytest.mark.parametrize(
    ("sign_offs", "open_now"),
    [
        ([], [REVIEWER, OWNER]),
        ([SIGNED], [OWNER]),
        ([replace(SIGNED, package_digest=OLD)], [REVIEWER, OWNER]),
        ([replace(SIGNED, eligible=False)], [REVIEWER, OWNER]),
        ([replace(SIGNED, verdict="request_changes")], [REVIEWER, OWNER]),
        ([SIGNED, SignOff(2, "Otto", "risk_owner:1", "approve", LIVE)], []),
    ],
)
def test_a_signature_counts_on_the_live_package_by_somebody_still_eligible(sign_offs, open_now):
    review = replace(REVIEW, sign_offs=tuple(sign_offs))
    assert open_slots(review) == open_now
    assert len(counting(review)) == sum(
        one.package_digest == LIVE and one.eligible for one in sign_offs
    )


def test_two_of_a_role_are_two_people_in_two_places():
    review = replace(REVIEW, slots=(REVIEWER, Slot("reviewer", 2)), sign_offs=(SIGNED,))
    assert free_slot(review, {"reviewer"}) == Slot("reviewer", 2)
    assert open_slots(review) == [Slot("reviewer", 2)]


@pytest.mark.parametrize("verdict", VERDICTS)
@pytest.mark.parametrize("role", REVIEWING)
def test_every_verdict_in_every_role_has_a_meaning_to_choose(verdict, role):
    assert meanings(verdict, role)


def test_every_tie_and_meaning_is_a_sentence_of_its_own():
    sentences = [
        sentence
        for by_role in MEANINGS.values()
        for listed in by_role.values()
        for _, sentence in listed
    ] + list(TIES.values())
    assert len(set(sentences)) == len(sentences)
