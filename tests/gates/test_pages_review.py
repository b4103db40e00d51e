"""The review page: the answer first, every no with its reason, and one form that signs."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.html import escape

from audit import clock
from audit.models import Entry
from gates import transitions
from gates.models import Challenge, PackagePerson, Promotion
from registry import transitions as registry
from registry.models import ServingEndpoint
from registry.roles import Role
from tests import make
from tests.gates.stories import WHY, approved, days, story

pytestmark = pytest.mark.django_db


def page_of(client, person, told, query=""):
    client.force_login(person)
    return client.get(f"/promotions/{told.promotion.pk}/{query}")


def text_of(response) -> str:
    """Return the page's words, without tags and with single blanks."""
    body = response.content.decode()
    return " ".join(re.sub(r"<[^>]+>", " ", body).split())


def hidden(response) -> dict:
    """Return what the open form would post besides what a person types."""
    body = response.content.decode()
    box = body[body.index('id="decide"') :]
    names = ("challenge", "package_digest", "verdict", "role")
    return {
        name: re.search(rf'type="hidden" name="{name}"(?: value="([^"]*)")?', box)[1] or ""
        for name in names
    }


def press(client, response, **typed):
    """Post the open form as a person would."""
    typed = {"reason": "Read in full.", "password": make.PASSWORD, **typed}
    return client.post(response.wsgi_request.path, {**hidden(response), **typed})


def ready(stage="sandbox"):
    """Return a story in review with everything met."""
    told = story(stage)
    told.give_all()
    told.ask()
    return told


# The answer


def test_the_title_is_the_question_and_the_band_says_who_is_wanted(client):
    told = ready()
    words = text_of(page_of(client, told.signer("reviewer"), told))
    assert f"Let {told.use_case} release 1 into {told.environment}" in words
    assert (
        "Ready for you. All 3 findings are met; yours is the only sign-off that is wanted." in words
    )


def test_a_reader_without_a_role_is_told_whom_it_waits_for(client):
    told = ready()
    told.signer("reviewer")
    auditor = make.make_person(make.name("auditor"), Role.AUDITOR)
    words = text_of(page_of(client, auditor, told))
    assert "Waiting for others." in words
    assert "still wanted: reviewer." in words
    assert "You cannot sign this" in words
    assert "Signing here needs one of the roles reviewer." in words
    assert f"Who may: {told.signer('reviewer').username}." in words


def test_what_stands_in_the_way_is_counted_and_comes_first(client):
    told = story("production", risk_tier="limited")
    told.give("safety_check", verdict="fail")
    told.give("privacy_review", expires_at=clock.now() + days(1))
    told.ask()
    with clock.at(clock.now() + days(2)):
        response = page_of(client, told.signer("risk_owner"), told)
    words = text_of(response)
    assert (
        "Cannot be approved yet. 1 finding failed, 5 are missing, 1 is stale; 3 are met." in words
    )
    assert "0 of 2 sign-offs count. You can request changes or reject now." in words
    order = [words.index(f" {word} ") for word in ("Failed", "Missing", "Stale", "Met,")]
    assert order == sorted(order)


def test_a_finding_leads_to_the_form_that_mends_it(client):
    told = story("production")
    told.ask()
    body = page_of(client, told.requester, told).content.decode()
    query = f"kind=privacy_review&amp;release={told.release.pk}"
    assert f'href="/evidence/evidenceitem/add/?{query}"' in body


def test_a_fact_leads_to_what_it_rests_on_and_titles_are_only_words(client):
    told = story("sandbox")
    item = told.give("safety_check", title="<script>alert(1)</script> & “more”")
    told.ask()
    body = page_of(client, told.requester, told).content.decode()
    assert "<script>alert" not in body
    assert f'<a href="{item.get_absolute_url()}">“{escape(item.title)}”</a> by' in body


def test_a_draft_asks_nobody(client):
    told = story("sandbox")
    told.ask(submit=False)
    words = text_of(page_of(client, told.requester, told))
    assert "Not submitted yet." in words
    assert "Submit for review…" in words
    assert "Nothing to decide yet" in words


def test_an_approval_says_until_when_and_what_ends_it(client):
    told = approved("sandbox")
    words = text_of(page_of(client, told.requester, told))
    assert "Approved until" in words
    assert f"First to end it: The evidence “Safety check of {told.release}” ends." in words


def test_an_approval_that_ended_says_when_and_by_what(client):
    told = approved("sandbox")
    with clock.at(clock.now() + days(800)):
        words = text_of(page_of(client, told.requester, told))
    assert "Ended on" in words
    assert "Nobody had to act." in words
    assert "The approval ended." in words


def test_a_rejection_and_a_request_for_changes_name_who_and_why(client):
    told = ready()
    told.sign(told.signer("reviewer"), "request_changes", reason="Which desk is this for?")
    words = text_of(page_of(client, told.requester, told))
    assert f"{told.signer('reviewer').name} requested changes." in words
    assert "Which desk is this for?" in words
    told.promotion = transitions.submit(told.promotion.pk, actor=told.requester, reason=WHY)
    told.sign(told.signer("reviewer"), "reject", reason="Not for this desk.")
    words = text_of(page_of(client, told.requester, told))
    assert f"{told.signer('reviewer').name} rejected this on" in words
    assert "Not for this desk." in words


def test_a_withdrawal_names_who_and_why(client):
    told = ready()
    transitions.withdraw(told.promotion.pk, actor=told.requester, reason="Asked too early.")
    words = text_of(page_of(client, told.requester, told))
    assert "Withdrawn on" in words
    assert f"By {told.requester.username}: “Asked too early.”" in words


# Who may see it


def test_what_is_of_another_team_is_not_there(client):
    told = ready()
    stranger = make.make_person(make.name("stranger"), Role.REVIEWER, team=make.make_team())
    assert page_of(client, stranger, told).status_code == 404
    client.force_login(stranger)
    assert client.post(f"/promotions/{told.promotion.pk}/").status_code == 404
    assert client.get(f"/gates/promotion/{told.promotion.pk}/change/").status_code == 404


@pytest.mark.parametrize("number", ["999999", "99999999999999999999999999"])
def test_a_number_that_is_no_promotion_is_not_there(client, number):
    client.force_login(make.make_person(make.name("viewer"), Role.VIEWER))
    assert client.get(f"/promotions/{number}/").status_code == 404


def test_nobody_reads_it_without_signing_in(client):
    told = ready()
    response = client.get(f"/promotions/{told.promotion.pk}/")
    assert response.status_code == 302
    assert response["Location"].startswith(reverse("admin:login"))


# Signing


def test_opening_a_verdict_gives_one_form_that_names_it(client):
    told = ready()
    page = page_of(client, told.signer("reviewer"), told, "?verdict=approve")
    body = page.content.decode()
    assert body.count("Sign: approve</button>") == 1
    assert "Sign: reject" not in body
    assert Challenge.objects.count() == 1
    assert hidden(page)["package_digest"] in body


def test_reading_alone_gives_no_challenge(client):
    told = ready()
    page_of(client, told.signer("reviewer"), told)
    page_of(client, told.requester, told, "?verdict=approve")
    assert Challenge.objects.count() == 0


def test_the_last_signature_approves(client):
    told = ready()
    page = page_of(client, told.signer("reviewer"), told, "?verdict=approve")
    response = press(client, page, meaning="reviewed")
    assert response.status_code == 302
    row = PackagePerson.objects.get(kind="signer")
    assert (row.verdict, row.meaning, row.reason) == ("approve", "reviewed", "Read in full.")
    assert Promotion.objects.get(pk=told.promotion.pk).state == "approved"
    assert "Approved until" in text_of(client.get(response["Location"]))


@pytest.mark.parametrize(
    ("verdict", "meaning", "state"),
    [
        ("request_changes", "request_unclear", "changes_requested"),
        ("reject", "not_fit", "rejected"),
    ],
)
def test_the_other_verdicts_are_open_while_findings_stand_in_the_way(
    client, verdict, meaning, state
):
    told = story("sandbox")
    told.ask()
    page = page_of(client, told.signer("reviewer"), told, f"?verdict={verdict}")
    assert press(client, page, meaning=meaning).status_code == 302
    assert Promotion.objects.get(pk=told.promotion.pk).state == state


def test_approve_is_off_with_each_reason_tied_to_its_button(client):
    told = story("sandbox")
    told.ask()
    page = page_of(client, told.signer("reviewer"), told, "?verdict=approve")
    body = page.content.decode()
    assert "Approve is off, for 2 reasons:" in text_of(page)
    assert re.search(r'disabled aria-describedby="decide-off">Sign: approve</button>', body)
    off = body[body.index('id="decide-off"') :]
    for anchor in ("finding-sandbox-safety_checks", "finding-sandbox-data_boundary"):
        assert f'href="#{anchor}"' in off
        assert f'id="{anchor}"' in body
    assert Challenge.objects.count() == 0


def test_who_had_a_hand_in_it_is_told_every_tie(client):
    told = ready()
    registry_hand = make.registrar()
    make.grant(registry_hand, Role.REVIEWER)
    words = text_of(page_of(client, registry_hand, told))
    assert "You cannot sign this" in words
    assert "You made the release, so your signature cannot be one of these." in words
    assert "You made an endpoint that it asks for" in words


def test_who_signed_this_package_reads_what_they_signed(client):
    told = ready("production")
    told.sign(told.signer("reviewer"))
    words = text_of(page_of(client, told.signer("reviewer"), told))
    assert "You approved this package" in words
    assert "Still wanted: risk owner." in words


def test_who_holds_several_roles_chooses_the_slot(client):
    told = ready("production")
    mona = make.make_person(make.name("mona"), Role.REVIEWER, Role.RISK_OWNER)
    first = page_of(client, mona, told, "?verdict=approve")
    assert "Your decision as reviewer" in text_of(first)
    page = page_of(client, mona, told, "?verdict=approve&role=risk_owner")
    assert "Your decision as risk owner" in text_of(page)
    assert press(client, page, meaning="accepts_risk").status_code == 302
    assert PackagePerson.objects.get(kind="signer").slot == "risk_owner:1"
    # One person fills one slot: the other one is not offered any more.
    assert "You approved this package" in text_of(page_of(client, mona, told))


# Refusals


def test_a_wrong_password_signs_nothing_and_keeps_the_reason(client):
    told = ready()
    page = page_of(client, told.signer("reviewer"), told, "?verdict=approve")
    response = press(
        client, page, meaning="reviewed", reason="Kept <b>word</b>.", password="not it"
    )
    assert response.status_code == 422
    words = text_of(response)
    assert "Not signed." in words
    assert "Nothing was signed. Your reason is kept." in words
    body = response.content.decode()
    assert escape("Kept <b>word</b>.") in body
    assert "not it" not in body
    assert re.search(r'class="band band-failed"[^>]* role="alert" tabindex="-1" autofocus', body)
    # The page carries a new challenge, so that the next try is not a replay.
    assert hidden(response)["challenge"] != hidden(page)["challenge"]
    assert press(client, response, meaning="reviewed").status_code == 302


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"reason": ""}, "Give a reason; it becomes part of the record."),
        ({"reason": "  \n "}, "Give a reason; it becomes part of the record."),
        ({"meaning": ""}, "Choose what your signature means."),
        ({"meaning": "accepts_risk"}, "Choose what your signature means."),
        ({"password": ""}, "Give your password; a signature needs it."),
    ],
)
def test_what_is_missing_from_the_form_is_said(client, typed, said):
    told = ready()
    page = page_of(client, told.signer("reviewer"), told, "?verdict=approve")
    response = press(client, page, **{"meaning": "reviewed", **typed})
    assert response.status_code == 422
    assert said in text_of(response)
    assert not PackagePerson.objects.filter(kind="signer").exists()


@pytest.mark.parametrize("verdict", ["", "waive", "approve\x00"])
def test_a_verdict_that_is_none_is_refused_in_words(client, verdict):
    told = ready()
    page = page_of(client, told.signer("reviewer"), told, "?verdict=approve")
    response = press(client, page, meaning="reviewed", verdict=verdict)
    assert response.status_code in (400, 422)
    assert not PackagePerson.objects.filter(kind="signer").exists()


def test_an_empty_post_is_refused_in_words(client):
    told = ready()
    client.force_login(told.signer("reviewer"))
    response = client.post(f"/promotions/{told.promotion.pk}/")
    assert response.status_code == 422
    assert "Not signed. Choose one of the verdicts." in text_of(response)


def test_a_package_that_changed_while_reading_is_not_signed(client):
    told = ready()
    page = page_of(client, told.signer("reviewer"), told, "?verdict=approve")
    endpoint = told.endpoint
    registry.save_row(
        ServingEndpoint,
        endpoint.pk,
        values={"address": "https://elsewhere.example.org/v1"},
        actor=make.registrar(),
        reason="It moved.",
    )
    response = press(client, page, meaning="reviewed", reason="As I read it.")
    assert response.status_code == 409
    words = text_of(response)
    assert "Not signed. The package changed while you were reading." in words
    assert f"Endpoint {endpoint.slug} changed." in words
    assert "As I read it." in words
    assert hidden(response)["package_digest"] != hidden(page)["package_digest"]
    assert not PackagePerson.objects.filter(kind="signer").exists()


def test_whoever_comes_second_is_told_who_decided(client):
    told = ready()
    second = make.make_person(make.name("second"), Role.REVIEWER, team=told.use_case.team)
    page = page_of(client, told.signer("reviewer"), told, "?verdict=approve")
    told.sign(second, "reject")
    response = press(client, page, meaning="reviewed", reason="Mine to keep.")
    assert response.status_code == 409
    words = text_of(response)
    assert f"Already decided. {second.name} rejected this at" in words
    assert "Your reason, not signed" in words
    assert "Mine to keep." in words


def test_a_form_sent_twice_signs_once(client):
    told = ready("production")
    page = page_of(client, told.signer("reviewer"), told, "?verdict=approve")
    assert press(client, page, meaning="reviewed").status_code == 302
    again = press(client, page, meaning="reviewed")
    assert again.status_code == 409
    assert PackagePerson.objects.filter(kind="signer").count() == 1


# What changed


def test_a_signature_on_an_earlier_package_says_what_changed_since_by_whom(client):
    told = ready("production")
    told.sign(told.signer("reviewer"))
    told.give("privacy_review", title="Newer privacy review")
    newer = text_of(page_of(client, told.signer("risk_owner"), told))
    assert "Newer evidence is not taken in. “Newer privacy review” by" in newer
    assert "1 of 2 counts" in newer
    transitions.take_in(told.promotion.pk, actor=told.requester, reason="It is better.")
    words = text_of(page_of(client, told.signer("risk_owner"), told))
    assert "No longer counts" in words
    assert (
        "It rests on the evidence “Newer privacy review” as well. "
        f"Given by {told.contributor.username}," in words
    )
    assert "0 of 2 count" in words
    # Whoever signed it is asked again, with the same list.
    again = text_of(page_of(client, told.signer("reviewer"), told))
    assert "Sign again, as reviewer?" in again
    assert "You signed an earlier package, and that signature no longer counts." in again


def test_a_signer_who_lost_the_role_is_told_of(client):
    told = ready("production")
    reviewer = told.signer("reviewer")
    told.sign(reviewer)
    registry.end_grant(reviewer.role_grants.get().pk, actor=make.admin(), reason="Moved on.")
    words = text_of(page_of(client, told.requester, told))
    assert f"{reviewer.name} no longer holds the role reviewer here" in words
    assert "0 of 2 count" in words


def test_the_timeline_is_the_log_with_a_permalink_for_each_line(client):
    told = approved("sandbox")
    body = page_of(client, told.requester, told).content.decode()
    for event in ("promotion.requested", "promotion.submitted", "promotion.approved"):
        seq = Entry.objects.get(event=event, about=told.promotion.key).seq
        assert f'id="entry-{seq}"' in body
        assert f'href="#entry-{seq}"' in body


def test_the_print_has_every_digest_and_signature_record(client):
    told = approved("production")
    response = page_of(client, told.requester, told, "?view=print")
    body = response.content.decode()
    row = PackagePerson.objects.filter(kind="signer").first()
    assert str(row.challenge_id) in body
    assert f">{row.package_digest}<" in body
    assert f">{told.release.digest}<" in body
    assert "password re-entered" in body
    assert body.count("Printed name as of then") == 2
    assert "<form" not in body
    assert '<details class="fold">' not in body


# What whoever asks may do


def test_the_verbs_of_whoever_asks_are_off_for_others_with_the_reason(client):
    told = ready()
    words = text_of(page_of(client, told.signer("reviewer"), told))
    assert "This takes the role requester in the team" in words
    body = page_of(client, told.signer("reviewer"), told).content.decode()
    assert 'disabled aria-describedby="acts-off">Withdraw…</button>' in body
    client.force_login(told.signer("reviewer"))
    response = client.post(
        f"/gates/promotion/{told.promotion.pk}/withdraw/", {"reason": "Not mine."}
    )
    assert response.status_code == 403
    assert Promotion.objects.get(pk=told.promotion.pk).state == "in_review"


def test_submit_take_in_and_withdraw_ask_for_a_reason_first(client):
    told = story("sandbox")
    told.give_all()
    told.ask(submit=False)
    client.force_login(told.requester)
    base = f"/gates/promotion/{told.promotion.pk}"
    assert client.get(f"{base}/submit/").status_code == 200
    assert client.post(f"{base}/submit/", {"reason": ""}).status_code == 422
    response = client.post(f"{base}/submit/", {"reason": "Ready."})
    assert response["Location"] == f"/promotions/{told.promotion.pk}/"
    assert Promotion.objects.get(pk=told.promotion.pk).state == "in_review"
    assert client.post(f"{base}/submit/", {"reason": "Twice."}).status_code == 409
    told.give("safety_check", title="Newer")
    assert client.post(f"{base}/take-in/", {"reason": "Newer."}).status_code == 302
    assert client.post(f"{base}/withdraw/", {"reason": "Too early."}).status_code == 302
    assert Promotion.objects.get(pk=told.promotion.pk).state == "withdrawn"


def test_the_page_costs_the_same_however_much_evidence_there_is(client):
    told = ready()
    person = told.signer("reviewer")

    def cost() -> int:
        client.force_login(person)
        with CaptureQueriesContext(connection) as queries:
            assert client.get(f"/promotions/{told.promotion.pk}/").status_code == 200
        return len(queries)

    before = cost()
    for number in range(12):
        told.give("safety_check", title=f"Safety check {number}")
        told.give_run("0.97")
    assert cost() == before
