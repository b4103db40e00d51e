"""Whoever deactivates somebody reads first what is left open at the gates."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from gates import transitions as gates
from registry.leaving import open_ends
from registry.roles import Role
from tests import make
from tests.gates.stories import story as make_story

pytestmark = pytest.mark.django_db


def codes(person) -> list[str]:
    """Return what is left beside the grants, which the registry tells."""
    return [end.code for end in open_ends(person) if end.code not in ("GRANT", "ONLY_HOLDER")]


def test_a_request_that_is_not_decided_is_left_open():
    story = make_story()
    story.give_all()
    promotion = story.ask()
    (end,) = [end for end in open_ends(story.requester) if end.code == "PROMOTION"]
    assert end.url == promotion.get_absolute_url()
    assert f"promotion {promotion.pk}" in end.sentence
    story.sign_all()
    assert codes(story.requester) == []


def test_a_condition_that_is_open_is_left_open():
    story = make_story()
    story.give_all()
    condition = story.approve_on_condition()
    (end,) = [end for end in open_ends(story.requester) if end.code == "CONDITION"]
    assert end.url == condition.get_absolute_url()
    assert codes(story.signer(Role.REVIEWER)) == []
    item = story.give("operational_readiness")
    reviewer = story.signer(Role.REVIEWER)
    gates.close_condition(condition.pk, item=item, actor=reviewer, reason="It was measured.")
    assert "CONDITION" not in codes(story.requester)


def test_who_alone_can_sign_is_said_and_who_has_a_deputy_is_not():
    story = make_story()
    reviewer = story.signer(Role.REVIEWER)
    story.give_all()
    assert codes(reviewer) == []
    story.ask()
    assert codes(reviewer) == ["ONLY_SIGNER"]
    # A deputy who gave evidence for it could not sign it.
    make.grant(story.contributor, Role.REVIEWER, team=story.use_case.team)
    assert codes(reviewer) == ["ONLY_SIGNER"]
    make.make_person("", Role.REVIEWER)
    assert codes(reviewer) == []


def test_a_signature_of_who_leaves_stops_counting():
    story = make_story(stage="production")
    story.give_all()
    story.ask()
    reviewer = story.signer(Role.REVIEWER)
    story.sign(reviewer)
    assert codes(reviewer) == ["SIGNATURE"]


def test_the_number_of_queries_does_not_grow_with_the_promotions():
    def queries(person) -> int:
        with CaptureQueriesContext(connection) as captured:
            open_ends(person)
        return len(captured)

    story = make_story()
    story.give_all()
    story.ask()
    reviewer = story.signer(Role.REVIEWER)
    before = queries(reviewer)
    for _ in range(3):
        other = make_story()
        other.give_all()
        other.ask()
    assert queries(reviewer) == before
