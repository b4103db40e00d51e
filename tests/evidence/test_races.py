"""Promise 9 for evidence: two people at once give one outcome and one refusal in words."""

import pytest

from audit import Refused
from evidence import storage, transitions
from evidence.models import EvidenceFile, EvidenceItem, RunAcceptance, Withdrawal
from registry.roles import Role
from tests.evidence.make import contributor, make_evidence, make_run, upload
from tests.gates.test_races import at_once
from tests.make import WHY, make_person, make_release

pytestmark = pytest.mark.django_db(transaction=True)


def refusals(results) -> list[str]:
    return [reason.code for one in results if isinstance(one, Refused) for reason in one.reasons]


def test_a_run_is_accepted_once():
    run = make_run()
    people = [make_person("", Role.REVIEWER) for _ in range(3)]
    results = at_once(
        *(lambda who=who: transitions.accept_run(run.pk, actor=who, reason=WHY) for who in people)
    )
    assert refusals(results) == ["ACCEPTED", "ACCEPTED"]
    assert RunAcceptance.objects.get().accepted_by in people


def test_an_item_is_withdrawn_once():
    item = make_evidence()
    people = [make_person("", Role.EVIDENCE_CONTRIBUTOR) for _ in range(3)]
    results = at_once(
        *(lambda who=who: transitions.withdraw(item.pk, actor=who, reason=WHY) for who in people)
    )
    assert refusals(results) == ["WITHDRAWN", "WITHDRAWN"]
    assert Withdrawal.objects.count() == 1


def test_an_item_is_replaced_once():
    release = make_release()
    old = make_evidence(release=release)
    people = [make_person("", Role.EVIDENCE_CONTRIBUTOR) for _ in range(2)]
    results = at_once(
        *(lambda who=who: make_evidence(release=release, replaces=old, actor=who) for who in people)
    )
    assert refusals(results) == ["REPLACED_ALREADY"]
    assert EvidenceItem.objects.filter(replaces=old).count() == 1


def test_no_run_is_accepted_after_its_item_was_withdrawn():
    run = make_run()
    giver, reviewer = contributor(), make_person("", Role.REVIEWER)
    results = at_once(
        lambda: transitions.withdraw(run.item_id, actor=giver, reason=WHY),
        lambda: transitions.accept_run(run.pk, actor=reviewer, reason=WHY),
    )
    assert Withdrawal.objects.count() == 1
    # The acceptance came first, or it was refused; it never came after the withdrawal.
    assert refusals(results) == ([] if RunAcceptance.objects.exists() else ["WITHDRAWN"])


def test_the_same_bytes_given_at_once_are_kept_once():
    release = make_release()
    people = [make_person("", Role.EVIDENCE_CONTRIBUTOR) for _ in range(4)]
    at_once(
        *(
            lambda who=who: make_evidence(
                release=release, actor=who, files=[upload(content=b"the same bytes")]
            )
            for who in people
        )
    )
    (sha256,) = set(EvidenceFile.objects.values_list("sha256", flat=True))
    assert EvidenceFile.objects.count() == 4
    assert storage.digest_of(sha256) == (sha256, 14)
