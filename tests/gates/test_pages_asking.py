"""Asking for a promotion, amending it, the list of promotions, and the gates in words."""

import re

import pytest

from gates.models import GateVersion, Promotion
from registry.roles import Role
from tests import make
from tests.gates.stories import WHY, approved, story

pytestmark = pytest.mark.django_db


def text_of(response) -> str:
    body = response.content.decode()
    return " ".join(re.sub(r"<[^>]+>", " ", body).split())


def asked(told, **values):
    """Return what a person would fill in."""
    return {
        "release": told.release.pk,
        "environment": told.environment.pk,
        "endpoints": [told.endpoint.pk],
        "purpose": "Shorter queues.",
        "wanted_by": "2030-01-31",
        "reason": "The pilot went well.",
        **values,
    }


ADD = "/gates/promotion/add/"


# Asking


def test_the_address_on_a_release_leads_to_the_one_form(client):
    told = story()
    client.force_login(told.requester)
    response = client.get(f"/promotions/ask/?release={told.release.pk}")
    assert response["Location"] == f"{ADD}?release={told.release.pk}"


def test_the_first_step_lists_sealed_releases_of_the_readers_teams(client):
    told, foreign = story(), story()
    draft = make.make_release(
        use_case=told.use_case, version=told.release.model_version, sealed=False
    )
    client.force_login(told.requester)
    words = text_of(client.get(ADD))
    assert "Step 1 of 3" in words
    assert str(told.release) in words
    assert f" {draft} " not in f"{words} "
    assert str(foreign.release) not in words


def test_the_second_step_says_which_gate_each_environment_takes_and_why(client):
    told = story("production", risk_tier="high")
    sandbox = make.make_environment(stage="sandbox")
    client.force_login(told.requester)
    words = text_of(client.get(f"{ADD}?release={told.release.pk}"))
    assert "The use case is high risk, which asks for the regulated gate." in words
    assert f"{sandbox}" in words
    assert "It is a sandbox environment." in words


def test_where_it_is_open_already_nobody_asks_twice(client):
    told = story()
    told.ask(submit=False)
    client.force_login(told.requester)
    response = client.get(f"{ADD}?release={told.release.pk}")
    assert f"Promotion {told.promotion.pk}: draft" in text_of(response)
    assert f"environment={told.environment.pk}" not in response.content.decode()
    refused = client.post(ADD, asked(told))
    assert refused.status_code == 409
    assert "is open already" in text_of(refused)


def test_a_draft_release_cannot_be_asked_for(client):
    told = story()
    draft = make.make_release(
        use_case=told.use_case, version=told.release.model_version, sealed=False
    )
    client.force_login(told.requester)
    words = text_of(client.get(f"{ADD}?release={draft.pk}&environment={told.environment.pk}"))
    assert "This release is a draft. Only a sealed release can be asked for" in words


def test_the_form_shows_the_gate_as_it_would_be_judged(client):
    told = story("production")
    told.give("safety_check")
    client.force_login(told.requester)
    response = client.get(f"{ADD}?release={told.release.pk}&environment={told.environment.pk}")
    words = text_of(response)
    assert "Signed by: reviewer, risk owner." in words
    assert "5 of 9 would stand in the way now" in words
    assert "A privacy review passed. Nothing was given. Whose data is touched" in words


def test_it_is_asked_for_as_a_draft_and_read_on_its_page(client):
    told = story()
    client.force_login(told.requester)
    response = client.post(ADD, asked(told))
    promotion = Promotion.objects.get()
    assert response["Location"] == f"/promotions/{promotion.pk}/"
    assert (promotion.state, str(promotion.wanted_by)) == ("draft", "2030-01-31")
    assert [link.endpoint for link in promotion.endpoint_links.all()] == [told.endpoint]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"endpoints": []}, "Name at least one endpoint that serves the release."),
        ({"endpoints": ["999999"]}, "Select a valid choice."),
        ({"endpoints": ["x"]}, "is not a valid value."),
        ({"purpose": ""}, "This field is required."),
        ({"reason": ""}, "Give a reason; it becomes part of the record."),
        ({"wanted_by": "soon"}, "Enter a valid date."),
    ],
)
def test_what_is_missing_is_said_and_nothing_is_asked(client, values, said):
    told = story()
    client.force_login(told.requester)
    response = client.post(ADD, asked(told, **values))
    assert response.status_code == 422
    assert said in text_of(response)
    assert not Promotion.objects.exists()


def test_an_endpoint_that_serves_another_version_is_not_offered(client):
    told = story()
    other = make.make_endpoint(version=make.make_model_version(team=told.use_case.team))
    client.force_login(told.requester)
    response = client.post(ADD, asked(told, endpoints=[other.pk]))
    assert response.status_code == 422
    assert not Promotion.objects.exists()


@pytest.mark.parametrize("key", ["²", "9" * 5000, "\x00"])
def test_a_posted_release_that_is_no_number_is_not_there(client, key):
    told = story()
    client.force_login(told.requester)
    assert client.post(ADD, asked(told, release=key)).status_code in (404, 422)
    assert not Promotion.objects.exists()


@pytest.mark.parametrize("query", ["release=0", "release=x", "release=99999999999999999999"])
def test_a_release_that_is_not_there_is_not_there(client, query):
    client.force_login(story().requester)
    assert client.get(f"{ADD}?{query}").status_code == 404


def test_a_foreign_release_is_not_there_and_a_seen_one_is_not_ours_to_ask(client):
    told, foreign = story(), story()
    client.force_login(told.requester)
    assert client.get(f"{ADD}?release={foreign.release.pk}").status_code == 404
    make.grant(told.requester, Role.VIEWER, team=foreign.use_case.team)
    response = client.get(f"{ADD}?release={foreign.release.pk}")
    assert response.status_code == 403
    assert "This takes the role requester in the team" in text_of(response)
    assert client.post(ADD, asked(foreign)).status_code == 403


def test_who_asks_nowhere_is_told_so(client):
    viewer = make.make_person(make.name("viewer"), Role.VIEWER)
    client.force_login(viewer)
    response = client.get(ADD)
    assert response.status_code == 403
    assert "This takes the role requester" in text_of(response)


# Amending


def test_it_is_amended_in_the_same_form(client):
    told = story()
    told.ask()
    client.force_login(told.requester)
    address = f"/gates/promotion/{told.promotion.pk}/change/"
    form = client.get(address)
    assert "signatures on this one no longer count" in text_of(form)
    values = {"endpoints": [told.endpoint.pk], "purpose": "Longer hours.", "reason": "Asked again."}
    assert client.post(address, values)["Location"] == f"/promotions/{told.promotion.pk}/"
    assert Promotion.objects.get().purpose == "Longer hours."


def test_who_may_not_amend_reads_the_page_instead_and_a_post_is_refused(client):
    told = story()
    told.ask()
    client.force_login(told.signer("reviewer"))
    address = f"/gates/promotion/{told.promotion.pk}/change/"
    assert client.get(address)["Location"] == f"/promotions/{told.promotion.pk}/"
    values = {"endpoints": [told.endpoint.pk], "purpose": "Mine.", "reason": "Mine."}
    assert client.post(address, values).status_code == 403
    assert Promotion.objects.get().purpose != "Mine."


def test_what_is_decided_is_not_amended(client):
    told = approved()
    client.force_login(told.requester)
    address = f"/gates/promotion/{told.promotion.pk}/change/"
    assert client.get(address).status_code == 302
    values = {"endpoints": [told.endpoint.pk], "purpose": "Later.", "reason": "Later."}
    assert client.post(address, values).status_code == 403
    assert Promotion.objects.get().purpose != "Later."


# The list


def test_the_list_says_where_each_stands_and_who_is_next(client):
    told = story("production")
    told.give_all()
    told.ask()
    told.sign(told.signer("reviewer"))
    otto = told.signer("risk_owner")
    ended = approved()
    from evidence import transitions as evidence

    item = ended.release.evidence.filter(kind="safety_check").get()
    evidence.withdraw(item.pk, actor=ended.contributor, reason=WHY)
    auditor = make.make_person(make.name("auditor"), Role.AUDITOR)
    client.force_login(auditor)
    words = text_of(client.get("/gates/promotion/"))
    assert f"{told.promotion.pk} · {told.release} into {told.environment} In review 1 of 2" in words
    assert f"{otto.username}: sign as risk owner" in words
    assert "Approval ended" in words
    assert f"The evidence “{item.title}” was withdrawn." in words


def test_the_list_filters_and_never_names_what_is_hidden(client):
    told, foreign = story(), story()
    told.ask(), foreign.ask()
    client.force_login(told.requester)
    body = client.get("/gates/promotion/").content.decode()
    assert str(told.release) in body
    for hidden in (foreign.release, foreign.use_case, foreign.requester):
        assert str(hidden) not in body
    assert "1 promotion<" in body
    for query in (
        "state__exact=in_review",
        f"environment__id__exact={told.environment.pk}",
        f"release__use_case__id__exact={told.use_case.pk}",
        f"requested_by__id__exact={told.requester.pk}",
        f"q={told.use_case}",
    ):
        assert str(told.release) in client.get(f"/gates/promotion/?{query}").content.decode()
    gone = client.get("/gates/promotion/?state__exact=draft").content.decode()
    assert f"{told.release} into" not in gone


# The gates


def test_a_gate_is_read_in_words(client):
    client.force_login(make.make_person(make.name("viewer"), Role.VIEWER))
    listed = text_of(client.get("/gates/gateversion/"))
    assert "regulated v1" in listed
    gate = GateVersion.objects.get(gate="regulated", number=1)
    words = text_of(client.get(f"/gates/gateversion/{gate.pk}/change/"))
    assert "This version is in force. It adds to sandbox v1 , production v1 : gates are" in words
    assert "Evidence of the kind independent validation, with the verdict pass." in words
    assert "Only if it is independent." in words
    assert "not older than 7 days" in words
    assert "privacy officer and independent validator" in words


@pytest.mark.parametrize("gate", ["sandbox", "production", "regulated"])
def test_every_requirement_of_every_gate_is_put_in_words(client, gate):
    client.force_login(make.make_person(make.name("viewer"), Role.VIEWER))
    version = GateVersion.objects.get(gate=gate, number=1)
    body = client.get(f"/gates/gateversion/{version.pk}/change/").content.decode()
    for row in version.requirements.all():
        assert f'id="requirement-{row.code}"' in body


def test_a_gate_is_not_written_in_the_portal(client):
    client.force_login(make.admin())
    gate = GateVersion.objects.get(gate="sandbox", number=1)
    assert client.post(f"/gates/gateversion/{gate.pk}/change/", {"notes": "x"}).status_code == 403
    assert client.get("/gates/gateversion/add/").status_code == 403
