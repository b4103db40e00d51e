"""The routing rules: one table of cases, and what holds for every snapshot and request."""

import ast
import copy
import json
import random
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime import routing
from runtime.routing import NotAQuestion, Table, decide, encode, read
from tests.runtime import oracle

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
REGIONS = ("de-1", "fr-1", "us-1")


def deployment(name="chat-1@one", **values):
    made = {
        "name": name,
        "use_case": "chat",
        "priority": 10,
        "release": {"number": 1, "digest": "sha256:aa"},
        "endpoint": {
            "slug": name.partition("@")[2],
            "digest": "sha256:bb",
            "address": "https://one.example.org",
            "host": "heron",
            "latency_class": "standard",
            "cost_class": "medium",
            "served_release_id": "r-1",
            "regions": {purpose: ["de-1"] for purpose in routing.PURPOSES},
        },
        "model": {
            "slug": "heron",
            "version": "7",
            "identifier": "heron-7b",
            "digest": "sha256:cc",
            "maker": "heron",
            "context_window": 8000,
            "output_limit": 1000,
            "capabilities": ["json", "vision"],
            "intended": ["chat"],
            "disallowed": [],
        },
        "prompts": [{"template": "chat", "kind": "system", "number": 3, "digest": "sha256:dd"}],
        "tools": [{"tool": "crm", "scope": "read", "authorization": "user_delegated"}],
        "parameters": {"temperature": "0.2"},
        "not_after": "2027-01-01T00:00:00.000000Z",
        "breaches": [],
        "suspended": [],
    }
    for path, value in values.items():
        *way, last = path.split("__")
        inner = made
        for step in way:
            inner = inner[step]
        inner[last] = value
    return made


def snapshot(*deployments, policy=None, classification="internal"):
    return {
        "schema": routing.SCHEMA,
        "environment": {
            "slug": "production-eu",
            "stage": "production",
            "jurisdiction": "EU",
            "regions": list(REGIONS),
        },
        "routes": {
            "chat": {
                "data_classification": classification,
                "policy": policy or {},
                "policy_digest": "sha256:ee",
                "policy_origins": {},
            }
        },
        "deployments": list(deployments),
    }


def ask(snap, at=NOW, rules=routing.RULES, **facts):
    facts = read({"use_case": "chat", **facts})
    return decide(snap, facts, at, generation=4, digest="sha256:ff", rules=rules)


def codes(answer):
    return [
        reason["code"]
        for refused in answer["candidates"]["refused"]
        for reason in refused["reasons"]
    ]


CASES = [
    # What is so of the one deployment, what policy says, what is asked: which codes.
    ({}, {}, {}, []),
    ({"suspended": ["It lies."]}, {}, {}, ["SUSPENDED"]),
    ({"suspended": ["It lies.", "So does its host."]}, {}, {}, ["SUSPENDED", "SUSPENDED"]),
    ({"not_after": None}, {}, {}, ["APPROVAL_ENDED"]),
    ({"not_after": "2026-11-25T12:00:00.000000Z"}, {}, {}, ["APPROVAL_ENDED"]),
    ({"not_after": "2026-11-25T12:00:00.000001Z"}, {}, {}, []),
    ({}, {"residency.processing": ["de-1"]}, {}, []),
    ({}, {"residency.processing": ["fr-1"]}, {}, ["RESIDENCY"]),
    ({}, {"residency.support": []}, {}, ["RESIDENCY"]),
    (
        {"endpoint__regions": {**{key: ["de-1"] for key in routing.PURPOSES}, "storage": []}},
        {"residency.storage": ["de-1"]},
        {},
        ["RESIDENCY_UNKNOWN"],
    ),
    ({}, {}, {"regions": ["de-1", "fr-1"]}, []),
    ({}, {}, {"regions": ["fr-1"]}, ["RESIDENCY", "RESIDENCY"]),
    ({}, {}, {"regions": []}, ["RESIDENCY", "RESIDENCY"]),
    ({}, {}, {"data_classification": "public"}, []),
    ({}, {}, {"data_classification": "restricted"}, ["DATA_CLASSIFICATION"]),
    ({}, {"data_classification.max": "public"}, {}, ["DATA_CLASSIFICATION"]),
    ({}, {"data_classification.max": "public"}, {"data_classification": "public"}, []),
    ({"model__intended": []}, {}, {}, ["USE_CASE_NOT_INTENDED"]),
    ({"model__disallowed": ["chat"]}, {}, {}, ["USE_CASE_DISALLOWED"]),
    ({}, {"use_cases": {"allow": ["triage"]}}, {}, ["USE_CASE_DISALLOWED"]),
    ({}, {}, {"tools": ["crm"]}, []),
    ({}, {}, {"tools": ["crm.read"]}, []),
    ({}, {}, {"tools": ["crm.write", "mail"]}, ["TOOL_NOT_GRANTED", "TOOL_NOT_GRANTED"]),
    ({}, {"tools": {"deny": ["crm"]}}, {}, ["TOOL_NOT_GRANTED"]),
    ({}, {"tools.authorization.crm": "user_delegated"}, {}, []),
    ({}, {"tools.authorization.crm": "human_approval"}, {}, ["POLICY_TOOLS_AUTHORIZATION"]),
    ({}, {"providers": {"deny": ["heron"]}}, {}, ["PROVIDER_DENIED", "PROVIDER_DENIED"]),
    ({"model__maker": None}, {"providers": {"deny": ["egret"]}}, {}, ["PROVIDER_DENIED"]),
    ({"model__maker": None}, {}, {}, []),
    (
        {"endpoint__served_release_id": ""},
        {"require.served_release_id": True},
        {},
        ["POLICY_REQUIRE_SERVED_RELEASE_ID"],
    ),
    (
        {"breaches": [{"code": "POLICY_SAFETY_MAX", "clause": "safety.x.y.max", "fact": "1."}]},
        {},
        {},
        ["POLICY_SAFETY_MAX"],
    ),
    ({}, {}, {"tokens": 8000}, []),
    ({}, {}, {"tokens": 8001}, ["CONTEXT_WINDOW"]),
    ({"model__context_window": None}, {}, {"tokens": 1}, ["CONTEXT_WINDOW"]),
    ({"model__context_window": None}, {}, {}, []),
    ({}, {}, {"capabilities": ["json"]}, []),
    ({}, {}, {"capabilities": ["audio"]}, ["CAPABILITY_MISSING"]),
    ({}, {}, {"health": {"chat-1@one": False}}, ["UNHEALTHY"]),
    ({}, {}, {"health": {"chat-1@one": True, "other": False}}, []),
    ({}, {}, {"exclude": ["chat-1@one"]}, ["EXCLUDED"]),
    # Every rule is asked, and every reason told.
    (
        {"suspended": ["It lies."], "not_after": None},
        {"residency.processing": ["us-1"]},
        {"tokens": 9000},
        ["SUSPENDED", "APPROVAL_ENDED", "RESIDENCY", "CONTEXT_WINDOW"],
    ),
    # A fact that is not there, or is of another kind, refuses.
    ({"endpoint__regions": None}, {"residency.storage": ["de-1"]}, {}, ["EVALUATION_ERROR"]),
    ({"tools": "crm"}, {}, {}, ["EVALUATION_ERROR", "EVALUATION_ERROR"]),
    ({}, {"data_classification.max": "secret"}, {}, ["EVALUATION_ERROR"]),
]


@pytest.mark.parametrize(("so", "policy", "asked", "expected"), CASES)
def test_each_rule(so, policy, asked, expected):
    answer = ask(snapshot(deployment(**so), policy=policy), **asked)
    assert codes(answer) == expected
    assert answer["status"] == ("refused" if expected else "routed")
    assert (answer["selected"] is None) == bool(expected)


def test_every_code_is_known_and_has_a_case():
    told = {code for *_, expected in CASES for code in expected}
    known = {*routing.HARD, *routing.CAPABILITY, *routing.SOFT} - {"OUTRANKED"}
    assert {code for code in told if not code.startswith(routing.POLICY)} == known


def test_the_order_is_priority_then_cost_then_latency_then_name():
    names = ["p", "q", "r", "s", "t"]
    rows = [
        deployment("chat-1@t", priority=20),
        deployment("chat-1@s"),
        deployment("chat-1@r", endpoint__latency_class="interactive"),
        deployment("chat-1@q", endpoint__cost_class="low", endpoint__latency_class="batch"),
        deployment("chat-1@p", priority=1, endpoint__cost_class="high"),
    ]
    answer = ask(snapshot(*rows))
    order = [answer["selected"], *answer["fallbacks"]]
    assert [one["endpoint"]["slug"] for one in order] == names
    assert {one["code"] for one in answer["fallbacks"]} == {"OUTRANKED"}


@pytest.mark.parametrize(
    ("rows", "asked", "reason", "retryable"),
    [
        ([], {}, "NOTHING_DEPLOYED", False),
        ([deployment(suspended=["x"])], {}, "POLICY", False),
        ([deployment()], {"tokens": 9000}, "CAPABILITY", False),
        ([deployment()], {"health": {"chat-1@one": False}}, "UNAVAILABLE", True),
        # Down and against policy: coming back would not help.
        ([deployment(suspended=["x"])], {"health": {"chat-1@one": False}}, "POLICY", False),
        (
            [deployment(suspended=["x"]), deployment("chat-1@two")],
            {"health": {"chat-1@two": False}},
            "UNAVAILABLE",
            True,
        ),
    ],
)
def test_policy_is_never_reported_as_something_to_try_again(rows, asked, reason, retryable):
    answer = ask(snapshot(*rows), **asked)
    assert (answer["status"], answer["reason"], answer["retryable"]) == (
        "refused",
        reason,
        retryable,
    )


def test_a_use_case_without_a_route_and_another_schema_route_nothing():
    answer = ask(snapshot(deployment()), use_case="triage")
    assert (answer["status"], answer["reason"]) == ("refused", "NO_ROUTE")
    answer = ask(snapshot(deployment()) | {"schema": "gatehouse.snapshot/9"})
    assert (answer["status"], answer["selected"]) == ("error", None)


@pytest.mark.parametrize(
    ("given_facts", "field"),
    [
        ({}, "use_case"),
        ({"use_case": ""}, "use_case"),
        ({"use_case": "chat", "region": "de-1"}, "region"),
        ({"use_case": "chat", "regions": "de-1"}, "regions"),
        ({"use_case": "chat", "tools": [1]}, "tools"),
        ({"use_case": "chat", "data_classification": "secret"}, "data_classification"),
        ({"use_case": "chat", "tokens": -1}, "tokens"),
        ({"use_case": "chat", "tokens": True}, "tokens"),
        ({"use_case": "chat", "health": {"x": "up"}}, "health"),
    ],
)
def test_facts_that_cannot_be_read_are_named(given_facts, field):
    with pytest.raises(NotAQuestion) as raised:
        read(given_facts)
    assert raised.value.field == field and raised.value.sentence.endswith(".")


# What holds for all


@st.composite
def worlds(draw):
    """A snapshot of up to six deployments, a policy, and a request."""
    some = st.lists(st.sampled_from(REGIONS), unique=True)
    rows = [
        deployment(
            f"chat-{number}@e{number}",
            priority=draw(st.integers(0, 2)),
            suspended=draw(st.sampled_from([[], [], ["Stopped."]])),
            not_after=draw(st.sampled_from([None, "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"])),
            endpoint__regions={purpose: draw(some) for purpose in routing.PURPOSES},
            endpoint__host=draw(st.sampled_from(["heron", "egret"])),
            endpoint__served_release_id=draw(st.sampled_from(["", "r"])),
            model__context_window=draw(st.sampled_from([None, 4000, 8000])),
            model__capabilities=draw(st.lists(st.sampled_from(["json", "audio"]), unique=True)),
            model__intended=draw(st.sampled_from([["chat"], ["chat"], []])),
        )
        for number in range(draw(st.integers(0, 6)))
    ]
    clauses = {
        "residency.processing": some,
        "residency.telemetry": some,
        "data_classification.max": st.sampled_from(routing.CLASSIFICATIONS),
        "providers": st.just({"deny": ["egret"]}),
        "require.served_release_id": st.just(True),
        "tools.authorization.crm": st.sampled_from(routing.AUTHORIZATIONS),
    }
    policy = draw(st.fixed_dictionaries({}, optional=clauses))
    facts = draw(
        st.fixed_dictionaries(
            {},
            optional={
                "regions": some,
                "data_classification": st.sampled_from(routing.CLASSIFICATIONS[:2]),
                "tools": st.lists(st.sampled_from(["crm", "mail"]), unique=True),
                "capabilities": st.lists(st.sampled_from(["json", "audio"]), unique=True),
                "tokens": st.sampled_from([10, 5000, 9000]),
                "exclude": st.lists(st.sampled_from(["chat-0@e0", "chat-1@e1"]), unique=True),
            },
        )
    )
    return snapshot(*rows, policy=policy), facts, clauses


def offered(answer):
    first = [answer["selected"]] if answer["selected"] else []
    return [one["deployment"] for one in first + answer["fallbacks"]]


@given(worlds())
@settings(max_examples=150, deadline=None)
def test_no_choice_and_no_fallback_is_against_a_rule(world):
    snap, facts, _ = world
    answer = ask(snap, **facts)
    by_name = {one["name"]: one for one in snap["deployments"]}
    asked = read({"use_case": "chat", **facts})
    for name in offered(answer):
        one = by_name[name]
        assert not one["suspended"] and one["not_after"] > "2026-11-25T12"
        policy = snap["routes"]["chat"]["policy"]
        for purpose in routing.PURPOSES:
            allowed = policy.get(f"residency.{purpose}")
            if allowed is not None:
                here = set(one["endpoint"]["regions"][purpose])
                assert here and here <= set(allowed)
        assert routing.against(routing._Asked(one, snap["routes"]["chat"], asked, NOW)) == []
    refused = {one["deployment"] for one in answer["candidates"]["refused"]}
    assert refused | set(offered(answer)) == set(by_name)
    assert not refused & set(offered(answer))
    assert answer["candidates"]["eligible"] == len(offered(answer))
    assert answer["candidates"]["total"] == len(by_name)


@given(worlds(), st.data())
@settings(max_examples=150, deadline=None)
def test_another_clause_never_makes_more_eligible(world, data):
    snap, facts, clauses = world
    narrower = copy.deepcopy(snap)
    policy = narrower["routes"]["chat"]["policy"]
    missing = sorted(clauses.keys() - policy.keys())
    if not missing:
        return
    key = data.draw(st.sampled_from(missing))
    policy[key] = data.draw(clauses[key])
    assert set(offered(ask(narrower, **facts))) <= set(offered(ask(snap, **facts)))


@given(worlds(), st.randoms(use_true_random=False))
@settings(max_examples=100, deadline=None)
def test_the_order_of_candidates_and_of_facts_never_matters(world, chance):
    snap, facts, _ = world
    shuffled = copy.deepcopy(snap)
    chance.shuffle(shuffled["deployments"])
    items = list(facts.items())
    chance.shuffle(items)
    assert encode(ask(snap, **facts)) == encode(ask(shuffled, **dict(items)))


@given(worlds(), st.sampled_from(routing.RULES))
@settings(max_examples=150, deadline=None)
def test_a_rule_that_fails_refuses_everything(world, rule):
    snap, facts, _ = world

    def broken(asked):
        raise RuntimeError("The facts are not what they seem.")

    broken.__name__ = rule.__name__
    rules = [broken if one is rule else one for one in routing.RULES]
    answer = ask(snap, rules=rules, **facts)
    assert offered(answer) == []
    for refused in answer["candidates"]["refused"]:
        assert "EVALUATION_ERROR" in {reason["code"] for reason in refused["reasons"]}


@given(worlds())
@settings(max_examples=60, deadline=None)
def test_a_replay_gives_the_same_bytes(world):
    snap, facts, _ = world
    stored = json.loads(json.dumps(snap))
    assert encode(ask(snap, **facts)) == encode(ask(stored, **facts))


# The table of a snapshot and the plain loop


@st.composite
def odd_worlds(draw):
    """A world, some deployments of which lack a part or have one of another kind."""
    snap, facts, _ = draw(worlds())
    parts = ("suspended", "not_after", "endpoint", "model", "tools", "breaches", "priority")
    inner = ("endpoint.regions", "endpoint.cost_class", "model.maker", "model.capabilities")
    for one in snap["deployments"]:
        for path in draw(st.lists(st.sampled_from((*parts, *inner, "prompts")), max_size=2)):
            *way, last = path.split(".")
            holder = one[way[0]] if way else one
            if not isinstance(holder, dict):
                continue
            odd = draw(st.sampled_from(["gone", None, 1, "x", ["x"], {"x": 1}]))
            if odd == "gone":
                holder.pop(last, None)
            else:
                holder[last] = odd
    return snap, facts


@given(odd_worlds(), st.data())
@settings(max_examples=300, deadline=None)
def test_a_table_asked_often_answers_as_the_plain_loop_does(world, data):
    snap, facts = world
    table = Table(snap)
    names = [one["name"] for one in snap["deployments"]]
    for _ in range(4):
        at = NOW + timedelta(days=data.draw(st.sampled_from([-400, 0, 37, 400])))
        some = {**facts, "tokens": data.draw(st.sampled_from([10, 5000, 9000]))}
        if names:
            some["health"] = dict.fromkeys(
                data.draw(st.lists(st.sampled_from(names), unique=True)), data.draw(st.booleans())
            )
        asked = read({"use_case": "chat", **some})
        known = {"generation": 4, "digest": "sha256:ff"}
        expected = encode(oracle.decide(snap, asked, at, **known))
        assert encode(table.decide(asked, at, **known)) == expected
        assert encode(decide(snap, asked, at, **known)) == expected


@given(worlds(), st.sampled_from(routing.RULES), st.sampled_from(["all", "some"]))
@settings(max_examples=150, deadline=None)
def test_a_rule_that_fails_in_a_table_refuses_just_what_the_loop_refuses(world, rule, whom):
    snap, facts, _ = world

    def broken(asked):
        yield from rule(asked)
        if whom == "all" or asked.deployment["priority"] == 1:
            raise RuntimeError("The facts are not what they seem.")

    broken.__name__ = rule.__name__
    if whom == "all" and not rule.reads.named:
        broken.reads = rule.reads
    rules = [broken if one is rule else one for one in routing.RULES]
    asked = read({"use_case": "chat", **facts})
    known = {"generation": 4, "digest": "sha256:ff", "rules": rules}
    assert encode(decide(snap, asked, NOW, **known)) == encode(
        oracle.decide(snap, asked, NOW, **known)
    )


def test_what_only_looks_alike_is_judged_apart():
    rows = [
        deployment("chat-1@one", model__context_window=8000),
        deployment("chat-1@two", model__context_window="8000"),
        deployment("chat-1@three", endpoint__served_release_id="1"),
        deployment("chat-1@four", endpoint__served_release_id=0),
    ]
    answer = ask(snapshot(*rows, policy={"require.served_release_id": True}), tokens=10)
    assert offered(answer) == ["chat-1@one", "chat-1@three"]
    assert codes(answer) == ["POLICY_REQUIRE_SERVED_RELEASE_ID", "EVALUATION_ERROR"]


class Watched(dict):
    """A part of a deployment that notes the paths that are read of it."""

    def __init__(self, values, seen, path=()):
        super().__init__(values)
        self.seen, self.path = seen, path

    def __getitem__(self, name):
        value, path = super().__getitem__(name), (*self.path, name)
        if path in {("endpoint",), ("model",)}:
            return Watched(value, self.seen, path)
        self.seen.add(".".join(path))
        return value


@pytest.mark.parametrize("rule", routing.RULES, ids=lambda rule: rule.__name__)
def test_a_rule_reads_what_it_says_and_nothing_else(rule):
    """What it does not say would be taken for alike."""
    seen, facts_seen = set(), set()
    asked_for = {"tools": ["crm", "mail"], "capabilities": ["audio"], "tokens": 1, "regions": []}
    policy = {"providers": {}, "tools": {}, "require.served_release_id": True}
    policy |= {"residency.support": [], "tools.authorization.crm": "human_approval"}
    facts = read({"use_case": "chat", **asked_for})

    class Noting:
        def __getattr__(self, name):
            facts_seen.add(name)
            return getattr(facts, name)

    snap = snapshot(deployment(), policy=policy)
    one = Watched(snap["deployments"][0], seen)
    routing.against(routing._Asked(one, snap["routes"]["chat"], Noting(), NOW), [rule])
    # One table is of one use case.
    assert facts_seen - {"use_case"} == set(rule.reads.facts)
    assert seen - {"use_case"} == set(rule.reads.parts) - {"use_case"}
    clock = routing._Asked(one, snap["routes"]["chat"], facts, None)
    fails = [found.code for found in routing.against(clock, [rule])]
    assert ("EVALUATION_ERROR" in fails) == rule.reads.time


def test_time_alone_ends_an_approval():
    snap = snapshot(deployment(not_after="2026-11-25T12:00:00.000000Z"))
    assert ask(snap, NOW - timedelta(microseconds=1))["status"] == "routed"
    assert codes(ask(snap, NOW)) == ["APPROVAL_ENDED"]


GOLDEN = Path(__file__).with_name("golden.json")


def golden_worlds():
    """Worlds whose answers are kept; told by a seed, so that they stay the same."""
    for seed in range(12):
        chance = random.Random(seed)
        rows = [
            deployment(
                f"chat-{number}@e{number}",
                priority=chance.randrange(3),
                suspended=chance.choice([[], [], ["Stopped."]]),
                endpoint__regions={
                    purpose: sorted(chance.sample(REGIONS, chance.randrange(3)))
                    for purpose in routing.PURPOSES
                },
                endpoint__cost_class=chance.choice(routing.COSTS),
                model__capabilities=chance.choice([["json"], ["audio", "json"]]),
            )
            for number in range(5)
        ]
        policy = {"residency.processing": ["de-1", "fr-1"], "data_classification.max": "internal"}
        facts = {"use_case": "chat", "capabilities": ["json"], "tokens": 1000 * seed}
        yield snapshot(*rows, policy=policy), facts


def test_answers_stay_what_they_were_when_they_were_first_given():
    """Golden decisions: a change here is a new engine, and records of the old one need it."""
    answers = [
        decide(snap, read(facts), NOW, generation=1, digest="sha256:0")
        for snap, facts in golden_worlds()
    ]
    kept = json.loads(GOLDEN.read_text())
    assert kept["engine"] == routing.ENGINE
    assert [encode(answer).decode() for answer in answers] == kept["answers"]


def test_it_needs_nothing_but_the_standard_library():
    tree = ast.parse(Path(routing.__file__).read_text())
    imported = {
        (node.module if isinstance(node, ast.ImportFrom) else alias.name).partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    assert imported <= sys.stdlib_module_names
