"""What the gates tell on the pages of releases, environments and evidence."""

import re

import pytest

from audit import clock
from evidence import transitions as evidence
from registry.roles import Role
from tests import make
from tests.gates.stories import WHY, approved, days, story

pytestmark = pytest.mark.django_db


def read(client, person, address) -> str:
    """Return the words of a page as `person` reads it."""
    client.force_login(person)
    response = client.get(address)
    assert response.status_code == 200
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


# A release


def test_a_release_says_where_it_may_run_and_until_when(client):
    told = approved()
    words = read(client, told.requester, told.release.get_absolute_url())
    assert f"May it run? as deployment tools are told Allowed {told.environment}" in words
    assert f"by promotion {told.promotion.pk}. First to end it: The evidence" in words
    assert f"at {told.endpoint}" in words


def test_a_release_whose_approval_ended_says_what_ended_it(client):
    told = approved()
    item = told.release.evidence.filter(kind="safety_check").get()
    evidence.withdraw(item.pk, actor=told.contributor, reason=WHY)
    words = read(client, told.requester, told.release.get_absolute_url())
    assert f"Not allowed {told.environment} The approval by promotion" in words
    assert f"The evidence “{item.title}” was withdrawn." in words


def test_the_approval_that_ends_last_speaks_for_the_release(client):
    told = story()
    told.give("data_boundary")
    told.give("safety_check", expires_at=clock.now() + days(10))
    told.ask()
    told.sign_all()
    told.give("safety_check", title="Newer safety check")
    told.ask()
    told.sign_all()
    words = read(client, told.requester, told.release.get_absolute_url())
    assert f"by promotion {told.promotion.pk}. First to end it" in words
    # Once the first one has ended, the second goes on allowing.
    with clock.at(clock.now() + days(11)):
        assert "Not allowed" not in read(client, told.requester, told.release.get_absolute_url())


def test_a_release_that_nobody_asked_for_says_so_and_offers_to_ask(client):
    told = story()
    address = told.release.get_absolute_url()
    words = read(client, told.requester, address)
    assert "Nowhere: nobody has asked for this release yet" in words
    assert (
        f'href="/promotions/ask/?release={told.release.pk}"' in client.get(address).content.decode()
    )
    words = read(client, told.signer("reviewer"), address)
    assert "Ask for a promotion… This takes the role requester" in words


def test_a_draft_release_cannot_be_asked_for_and_says_why(client):
    told = story()
    draft = make.make_release(
        use_case=told.use_case, version=told.release.model_version, sealed=False
    )
    words = read(client, told.requester, draft.get_absolute_url())
    assert "The release is a draft and may still change. Seal it first." in words


# An environment


def test_an_environment_says_what_is_allowed_there_now(client):
    told = approved("production")
    words = read(client, told.requester, told.environment.get_absolute_url())
    row = f"{told.use_case} release {told.release.number} promotion {told.promotion.pk}"
    assert row in words
    assert f"{told.release.model_version} {told.endpoint}" in words
    with clock.at(clock.now() + days(400)):
        later = read(client, told.requester, told.environment.get_absolute_url())
    assert "Nothing that you may see is allowed here." in later


def test_an_environment_says_which_evidence_expires_soon(client):
    told = story("production")
    told.give_all()
    told.ask()
    told.sign_all()
    item = told.release.evidence.filter(kind="safety_check").get()
    address = told.environment.get_absolute_url()
    assert "Expires in" not in read(client, told.requester, address)
    with clock.at(item.expires_at - days(7)):
        words = read(client, told.requester, address)
    assert f"“{item.title}”: Expires in 7 days" in words
    assert f"The evidence “{item.title}” ends." not in words


def test_an_environment_does_not_tell_of_other_teams(client):
    told = approved()
    foreign = make.make_person(make.name("foreign"), Role.VIEWER, team=make.make_team())
    words = read(client, foreign, told.environment.get_absolute_url())
    assert "Nothing that you may see is allowed here." in words
    assert str(told.use_case) not in words


# An evidence item


def test_an_item_names_what_rests_on_it_before_it_is_withdrawn(client):
    told = approved()
    item = told.release.evidence.filter(kind="safety_check").get()
    said = f"Approved {told.release} into {told.environment} Approved until"
    assert said in read(client, told.requester, item.get_absolute_url())
    asking = f"/evidence/evidenceitem/{item.pk}/withdraw/"
    assert "it ends when this is withdrawn" in read(client, told.contributor, asking)
    evidence.withdraw(item.pk, actor=told.contributor, reason=WHY)
    words = read(client, told.requester, item.get_absolute_url())
    assert f"Approval ended {told.release} into {told.environment} Ended on" in words


def test_an_item_names_the_review_that_rests_on_it(client):
    told = story()
    told.give_all()
    told.ask()
    item = told.release.evidence.filter(kind="safety_check").get()
    words = read(client, told.requester, item.get_absolute_url())
    assert f"In review {told.release} into {told.environment} It is in review" in words


def test_an_item_does_not_tell_of_promotions_of_other_teams(client):
    """A shared version's evidence is seen by everybody; who rests on it is not."""
    told = story()
    model = told.release.model_version.model
    registrar = make.registrar()
    make.save(type(model), {"shared": True}, actor=registrar, pk=model.pk)
    item = told.give("safety_check", release=None, version=told.release.model_version)
    told.give("data_boundary")
    told.ask()
    told.sign_all()
    assert str(told.environment) in read(client, told.requester, item.get_absolute_url())
    foreign = make.make_person(make.name("foreign"), Role.VIEWER, team=make.make_team())
    words = read(client, foreign, item.get_absolute_url())
    assert str(told.environment) not in words
    assert "What rests on it 1 promotion that you may not see." in words
