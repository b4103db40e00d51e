"""Before a version is published: what it would break or free, for whom it may be told."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from gates.decisions import decide
from gates.policy_pages import effects
from registry.models import Environment, Release
from registry.roles import Role
from tests import make
from tests.gates import stories

pytestmark = pytest.mark.django_db


def test_what_it_would_break_is_what_it_breaks():
    told = stories.approved()
    draft = make.make_policy_draft(data_classification__max="public")
    (found,) = effects(draft)
    assert found.promotion.pk == told.promotion.pk
    assert [one.code for one in found.broken] == ["DATA_CLASSIFICATION"]
    assert decide_allows(told)
    make.transitions.publish_policy_version(
        draft.pk, actor=make.author("percy"), reason="It is so."
    )
    assert not decide_allows(told)


def decide_allows(told) -> bool:
    release = Release.objects.select_related("use_case").get(pk=told.release.pk)
    return decide(release, Environment.objects.get(pk=told.environment.pk))["allowed"]


def test_what_it_would_free_is_told_too():
    told = stories.approved()
    pack = make.make_pack()
    make.make_policy(pack, data_classification__max="public")
    (found,) = effects(make.make_policy_draft(pack, review_months=24))
    assert found.promotion.pk == told.promotion.pk
    assert not found.broken
    assert [one.code for one in found.freed] == ["DATA_CLASSIFICATION"]


def test_open_promotions_are_judged_and_others_left_out():
    told = stories.story()
    told.give_all()
    told.ask()
    stories.story()
    (found,) = effects(make.make_policy_draft(require__red_team=True))
    assert found.promotion.pk == told.promotion.pk and not found.approved


def test_a_draft_that_asks_for_what_holds_changes_nothing():
    stories.approved()
    assert effects(make.make_policy_draft(data_classification__max="restricted")) == []


def test_the_page_names_what_may_be_seen_and_counts_the_rest(client):
    told, other = stories.approved(), stories.approved()
    draft = make.make_policy_draft(data_classification__max="public")
    reader = make.make_person("vera", Role.VIEWER, team=told.use_case.team)
    client.force_login(reader)
    said = client.get(f"/policy/versions/{draft.pk}/preview/").content.decode()
    assert "It would break 2 approvals" in said
    assert "And 1 you may not see." in said
    assert str(told.release) in said and other.use_case.slug not in said
    assert told.use_case.team.name in said


def test_a_published_version_has_no_preview(client):
    version = make.make_policy(review_months=3)
    client.force_login(make.author())
    assert client.get(f"/policy/versions/{version.pk}/preview/").status_code == 404


def test_it_costs_the_same_for_one_and_for_several():
    draft = make.make_policy_draft(data_classification__max="public", require__red_team=True)
    sizes = []
    for number in (1, 2):
        for _ in range(number):
            stories.approved()
        with CaptureQueriesContext(connection) as asked:
            effects(draft)
        sizes.append(len(asked))
    assert sizes[0] == sizes[1]
