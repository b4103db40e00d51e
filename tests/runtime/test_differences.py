"""What differs between two snapshots, case by case."""

import copy

import pytest

from runtime.differences import Difference, differences


def deployment(release: int = 1, at: str = "edge", use_case: str = "chat", **values) -> dict:
    return {
        "name": f"{use_case}-{release}@{at}",
        "use_case": use_case,
        "priority": 10,
        "release": {"number": release, "digest": f"sha256:{release}"},
        "endpoint": {
            "slug": at,
            "digest": "sha256:e",
            "address": "https://a.example.org",
            "host": "acme",
            "regions": {"processing": ["de", "us"], "storage": [], "telemetry": [], "support": []},
        },
        "model": {
            "slug": "m",
            "version": "1",
            "intended": ["chat"],
            "disallowed": [],
            "context_window": 100,
        },
        "prompts": [],
        "not_after": "2027-01-31T00:00:00.000000Z",
        "breaches": [],
        "suspended": [],
        **values,
    }


def route(**values) -> dict:
    policy = {"residency.processing": ["de", "us"]}
    return {
        "data_classification": "internal",
        "policy": policy,
        "policy_origins": {"residency.processing": ["eu v3"]},
        **values,
    }


def snapshot(*deployments, **values) -> dict:
    return {
        "environment": {"slug": "prod", "stage": "production", "regions": ["de"]},
        "routes": {one["use_case"]: route() for one in deployments},
        "deployments": list(deployments),
        **values,
    }


def changed(path: str, value) -> dict:
    """Return a deployment with one part made another."""
    one = copy.deepcopy(deployment())
    *parents, last = path.split(".")
    inner = one
    for name in parents:
        inner = inner[name]
    inner[last] = value
    return one


BREACH = {"code": "POLICY_SAFETY", "clause": "safety.s.m", "fact": "It has 0.4."}
CASES = [
    ((), (deployment(2),), "DEPLOYMENT_ADDED chat release 2 is offered at edge, priority 10."),
    ((deployment(),), (), "DEPLOYMENT_REMOVED chat release 1 is offered at edge no longer."),
    ("priority", 5, "PRIORITY chat-1@edge: priority 10 → 5."),
    (
        "not_after",
        "2027-02-01T06:07:00.000000Z",
        "APPROVAL chat-1@edge: approved until 2027-01-31 00:00 UTC → until 2027-02-01 06:07 UTC.",
    ),
    ("not_after", None, "APPROVAL chat-1@edge: approved until 2027-01-31 00:00 UTC → no more."),
    ("suspended", ["It lies."], "SUSPENDED chat-1@edge is suspended: “It lies.”"),
    ("breaches", [BREACH], "POLICY_BREACH chat-1@edge is against safety.s.m: It has 0.4."),
    (
        "endpoint.regions.processing",
        ["de"],
        "REGIONS Endpoint edge lost us from its regions of processing.",
    ),
    (
        "endpoint.regions.support",
        ["in"],
        "REGIONS Endpoint edge gained in in its regions of support access.",
    ),
    ("endpoint.host", "other", "ENDPOINT Endpoint edge: host acme → other."),
    ("model.disallowed", ["hr"], "USE_CASES m 1 is disallowed for hr now."),
    ("model.intended", [], "USE_CASES m 1 is no longer intended for chat."),
    ("model.context_window", 200, "OTHER chat-1@edge: model.context window 100 → 200."),
    ("new_part", True, "OTHER chat-1@edge: new part none → yes."),
]


@pytest.mark.parametrize(("before", "after", "said"), CASES)
def test_one_thing_that_differs_is_said_once(before, after, said):
    if isinstance(before, str):
        before, after = (deployment(),), (changed(before, after),)
    (found,) = differences(snapshot(*before), snapshot(*after))
    assert f"{found.code} {found.sentence}" == said
    assert found.use_cases == ("chat",)


ROUTES = [
    (
        {"policy": {"residency.processing": ["de"]}, "policy_origins": {}},
        "POLICY Policy pack eu v3: residency.processing de, us → de: stricter.",
        "stricter",
    ),
    (
        {
            "policy": {"residency.processing": ["de"]},
            "policy_origins": {"residency.processing": ["eu v4"]},
        },
        "POLICY Policy pack eu v3 → v4: residency.processing de, us → de: stricter.",
        "stricter",
    ),
    (
        {"policy": {}, "policy_origins": {}},
        "POLICY Policy pack eu v3: residency.processing removed, de, us: looser.",
        "looser",
    ),
    (
        {"policy_origins": {"residency.processing": ["eu v4"]}},
        "POLICY_PACK Policy pack eu v3 → v4: it asks for the same here.",
        "",
    ),
    (
        {"data_classification": "restricted"},
        "DATA_CLASSIFICATION chat is approved for restricted data; before, for internal.",
        "",
    ),
]


@pytest.mark.parametrize(("after", "said", "effect"), ROUTES)
def test_what_policy_asks_otherwise_is_said_with_its_pack(after, said, effect):
    one = deployment()
    (found,) = differences(snapshot(one), snapshot(one, routes={"chat": route(**after)}))
    assert (f"{found.code} {found.sentence}", found.effect) == (said, effect)


def test_what_is_so_for_several_use_cases_is_told_once():
    both = [deployment(use_case=slug) for slug in ("chat", "mail")]
    moved = copy.deepcopy(both)
    for one in moved:
        one["endpoint"]["host"] = "other"
    assert differences(snapshot(*both), snapshot(*moved)) == [
        Difference("ENDPOINT", "changed", "Endpoint edge: host acme → other.", ("chat", "mail"))
    ]


def test_what_differs_of_the_environment_is_about_no_use_case():
    there = {"slug": "prod", "stage": "regulated", "regions": []}
    found = differences(snapshot(), snapshot(environment=there))
    assert [(one.sentence, one.use_cases) for one in found] == [
        ("The environment lost de from its regions.", ()),
        ("The environment's stage: production → regulated.", ()),
    ]


def test_what_comes_suspended_says_so():
    found = differences(snapshot(), snapshot(deployment(suspended=["It lies."])))
    assert [one.code for one in found] == ["DEPLOYMENT_ADDED", "SUSPENDED"]


def test_nothing_differs_from_itself_and_what_came_goes_back():
    one = snapshot(deployment(), deployment(2, "far"))
    assert differences(one, copy.deepcopy(one)) == []
    other = snapshot(deployment(3), deployment(2, "far", suspended=["x"]))
    there, back = differences(one, other), differences(other, one)
    assert len(there) == len(back) == 3
