"""What changed since the environment's last approved release: parts, texts, policy, scores."""

import re
from decimal import Decimal

import pytest

from gates import transitions as gates
from gates.pages import scores
from gates.pages.changes import changes
from gates.pages.loaded import load
from gates.pages.scores import approved_there, last_approved
from gates.rules.facts import Demand
from gates.rules.progress import progress
from registry.models import ServingEndpoint
from registry.roles import Role
from tests import make
from tests.gates.stories import approved, story


@pytest.mark.parametrize(
    ("higher", "before", "now", "state", "word"),
    [
        (True, "0.91", "0.95", "met", "Better"),
        (True, "0.95", "0.91", "stale", "Met, but worse"),
        (True, "0.95", "0.950", "met", "Met, as before"),
        (True, "0.95", "0.89", "failed", "Under threshold"),
        (True, "0.80", "0.89", "failed", "Under threshold"),
        (True, "", "0.9", "added", "New, and met"),
        (True, "0.95", "", "missing", "No score"),
        (False, "0.5", "0.4", "met", "Better"),
        (False, "0.4", "0.5", "stale", "Met, but worse"),
        (False, "0.5", "0.95", "failed", "Over threshold"),
    ],
)
def test_a_score_is_judged_by_its_threshold_first(higher, before, now, state, word):
    demand = Demand(1, "accuracy", Decimal("0.9"), higher)
    found = progress(demand, before, now)
    assert (found.state, found.word) == (state, word)


def text_of(response) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


@pytest.fixture
def told(db):
    """A release approved in an environment, and the next one of its use case asked for there."""
    told = approved("production")
    first, told.first = told.release, told.promotion
    prompt = first.prompt_links.get().prompt_version
    newer = make.make_prompt_version(prompt.template, text=f"{prompt.text}\nNever guess.")
    told.release = make.make_release(
        use_case=told.use_case, version=first.model_version, prompts=[newer]
    )
    make.make_policy(review_months=6)
    told.give_run("0.92")
    told.ask()
    return told


def test_the_last_approval_of_the_same_use_case_there_is_what_it_is_compared_with(told):
    assert last_approved(told.promotion) == told.first
    assert last_approved(told.first) is None
    other = story("production")
    other.environment = told.environment
    other.ask()
    assert last_approved(other.promotion) is None


def test_parts_prompt_text_policy_and_scores_are_told(told):
    found = changes(load(told.promotion, told.signer("reviewer")))
    names = [row["name"] for row in found.changes]
    assert any(name.startswith("prompt ") for name in names)
    assert "policy review_months" in names
    assert "endpoints" in found.unchanged
    assert "model version" in " ".join(found.unchanged)
    [text] = found.texts
    assert any("Never guess." in part for line in text.lines for part, _ in line.parts)
    [score] = found.scores
    assert (score.before, score.now, score.word) == ("0.95", "0.92", "Met, but worse")


def test_what_chance_would_do_is_told_where_there_are_samples(db, client):
    told = story("production")
    told.give_all(without=["benchmark"])
    told.give_run("0.95", score={"stderr": "0.01", "samples": 900})
    told.ask()
    told.sign_all()
    version = told.release.model_version
    told.release = make.make_release(use_case=told.use_case, version=version)
    told.give_run("0.91", score={"stderr": "0.01", "samples": 900})
    told.ask()
    client.force_login(told.signer("reviewer"))
    words = text_of(client.get(f"/promotions/{told.promotion.pk}/"))
    test = "(95 %, two-sample z test on standard errors, z = 2.83)"
    assert f"Met, but worse Worse, beyond chance {test}." in words


def test_until_it_is_decided_it_is_compared_with_what_is_approved_there_now(db):
    told = approved()
    first, version = told.promotion, told.release.model_version
    told.release = make.make_release(use_case=told.use_case, version=version)
    told.give_all()
    told.ask()
    second = told.sign_all()
    told.release = make.make_release(use_case=told.use_case, version=version)
    told.ask()
    assert approved_there(load(told.promotion, None)) == second
    owner = told.signer(Role.RISK_OWNER)
    gates.revoke(second.pk, password=make.PASSWORD, actor=owner, reason=make.WHY)
    assert approved_there(load(told.promotion, None)) == first
    assert last_approved(told.promotion) == second


def test_the_newest_that_holds_is_looked_for_beyond_the_first_few(db, monkeypatch):
    """Endpoints that changed end an approval too, and only judging tells."""
    monkeypatch.setattr(scores, "AT_A_TIME", 1)
    told = approved()
    first, version = told.promotion, told.release.model_version
    for _ in range(2):
        told.release = make.make_release(use_case=told.use_case, version=version)
        told.endpoint = make.make_endpoint(version=version)
        told.give_all()
        told.ask()
        told.sign_all()
        moved = {"address": f"https://{told.endpoint.slug}.example.org/"}
        make.save(ServingEndpoint, moved, pk=told.endpoint.pk)
    last = told.promotion
    told.release = make.make_release(use_case=told.use_case, version=version)
    told.ask()
    assert scores.last_holding(told.promotion) == first
    assert last_approved(told.promotion) == last


def test_what_is_decided_is_compared_with_those_around_it_however_many_came_since(db, monkeypatch):
    monkeypatch.setattr(scores, "NEAR", 1)
    told = approved()
    first, version = told.promotion, told.release.model_version
    for _ in range(3):
        told.release = make.make_release(use_case=told.use_case, version=version)
        told.give_all()
        told.ask()
        told.sign_all()
    assert last_approved(told.promotion) is None, "the one before it is beyond what is looked at"
    monkeypatch.setattr(scores, "NEAR", 2)
    assert last_approved(told.promotion).pk == told.promotion.pk - 1
    assert last_approved(first) is None


def test_an_endpoint_that_is_new_is_told(told):
    told.endpoint = make.make_endpoint(version=told.release.model_version)
    gates.amend(
        told.promotion.pk,
        endpoints=[told.endpoint],
        purpose="Elsewhere.",
        wanted_by=None,
        actor=told.requester,
        reason=make.WHY,
    )
    found = changes(load(told.promotion, told.signer("reviewer")))
    states = {row["name"]: row["state"] for row in found.changes}
    assert states[f"endpoint {told.endpoint.slug}"] == "added"
    assert "removed" in states.values()


def test_the_page_shows_it_and_says_when_there_was_nothing_before(client, told):
    client.force_login(told.signer("reviewer"))
    words = text_of(client.get(f"/promotions/{told.promotion.pk}/"))
    assert f"since release {told.first.release.number}, approved on" in words
    assert "Met, but worse" in words
    assert "Unchanged:" in words
    words = text_of(client.get(f"/promotions/{told.first.pk}/?view=print"))
    assert "Nothing was approved here before; this is the first release" in words
