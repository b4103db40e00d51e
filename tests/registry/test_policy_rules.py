"""The policy rules: what a document may say, and how packs merge whatever their order."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.demo import places, purposes
from registry import starter_packs
from registry.policy import (
    EndpointFacts,
    Facts,
    Known,
    Pack,
    effective_of,
    judge,
    merge,
    read_yaml,
    validate,
    write_yaml,
)
from registry.policy.clauses import (
    AUTHORIZATIONS,
    CLASSIFICATIONS,
    KINDS,
    PURPOSES,
    REQUIREMENTS,
    kind_of,
)
from registry.policy.judging import Measured
from registry.policy.merging import LAYERS

REGIONS = ["de-1", "fr-1", "ie-1", "us-1"]
SLUGS = ["ant", "bee", "cat", "dog"]
KNOWN = Known(
    region=frozenset(REGIONS),
    provider=frozenset(SLUGS),
    use_case=frozenset(SLUGS),
    tool=frozenset(SLUGS),
    metrics={("probes", "hits"): False, ("probes", "recall"): True, ("probes", "a.b"): True},
)


# Strategies: values as people write them, kept as the reader keeps them


def _subset(of):
    return st.lists(st.sampled_from(of), unique=True)


@st.composite
def _allow_deny(draw):
    deny = draw(_subset(SLUGS[:3]))
    allow = sorted({*draw(_subset(SLUGS)), "dog"})
    return draw(
        st.sampled_from(
            [{"allow": allow}, {"allow": allow, **({"deny": deny} if deny else {})}]
            + ([{"deny": deny}] if deny else [])
        )
    )


_numbers = st.decimals("0", "1", places=3).map(str)
VALUES = {
    **{f"residency.{purpose}": _subset(REGIONS).filter(bool) for purpose in PURPOSES},
    "data_classification.max": st.sampled_from(CLASSIFICATIONS),
    **{key: _allow_deny() for key in ("providers", "use_cases", "tools")},
    "tools.authorization.cat": st.sampled_from(AUTHORIZATIONS),
    "safety.probes.hits.max": _numbers,
    "safety.probes.recall.min": _numbers,
    "require.red_team": st.just(True),
    "require.served_release_id": st.just(True),
    "review_months": st.integers(1, 60),
    "retention_days": st.integers(1, 3650),
}


@st.composite
def _pack(draw):
    keys = draw(st.lists(st.sampled_from(sorted(VALUES)), unique=True, max_size=6))
    clauses = {
        key: {"value": kind_of(key).read(draw(VALUES[key])), "why": "Because."} for key in keys
    }
    slug = draw(st.sampled_from(["p", "q", "r", "s", "t"]))
    number = draw(st.integers(1, 3))
    return Pack(slug, number, draw(st.sampled_from(LAYERS)), f"sha256:{slug}{number}", clauses)


packs = st.lists(_pack(), max_size=5)


@st.composite
def _facts(draw):
    endpoints = tuple(
        EndpointFacts(
            f"e{number}",
            draw(st.sampled_from(SLUGS)),
            {purpose: frozenset(draw(_subset(REGIONS))) for purpose in PURPOSES},
            draw(st.booleans()),
        )
        for number in range(draw(st.integers(1, 3)))
    )
    grants = draw(
        st.lists(
            st.tuples(st.sampled_from(SLUGS), st.just("read"), st.sampled_from(AUTHORIZATIONS)),
            max_size=3,
        )
    )
    scores = {
        ("probes", metric): Measured(draw(_numbers)) for metric in draw(_subset(["hits", "recall"]))
    }
    return Facts(
        draw(st.sampled_from(SLUGS)),
        draw(st.sampled_from(CLASSIFICATIONS)),
        draw(st.sampled_from([None, *SLUGS])),
        endpoints,
        tuple(grants),
        scores,
        {"red_team": "1"} if draw(st.booleans()) else {},
    )


def _where(breach):
    return breach.code, breach.clause, breach.endpoint


@given(packs, _pack(), _facts())
def test_adding_a_pack_never_widens_anything(found, one_more, facts):
    before = {(_where(one)[1:]) for one in judge(effective_of(found), facts)}
    after = {(_where(one)[1:]) for one in judge(effective_of([*found, one_more]), facts)}
    assert before <= after


@given(packs, _pack())
def test_adding_a_pack_never_lengthens_a_period(found, one_more):
    before, after = effective_of(found), effective_of([*found, one_more])
    for key in ("review_months", "retention_days"):
        if before.value(key) is not None:
            assert after.value(key) <= before.value(key)


@given(packs, st.randoms())
def test_order_and_repetition_never_matter(found, chance):
    shuffled = [*found, *found]
    chance.shuffle(shuffled)
    assert effective_of(shuffled).digest == effective_of(found).digest


@given(packs, packs, packs)
def test_the_merge_of_merges_is_the_merge(one, other, third):
    merged = merge(merge(effective_of(one), effective_of(other)), effective_of(third))
    assert merged.digest == effective_of([*one, *other, *third]).digest


@given(packs)
def test_deny_beats_allow_whoever_says_it(found):
    effective = effective_of(found)
    for key in ("providers", "use_cases", "tools"):
        denied = {
            slug
            for pack in found
            for slug in pack.clauses.get(key, {"value": {}})["value"].get("deny", ())
        }
        value = effective.value(key) or {}
        assert denied == set(value.get("deny", ()))
        assert not denied & set(value.get("allow", ()))


@given(packs)
def test_every_clause_keeps_who_set_it_and_who_was_overruled(found):
    effective = effective_of(found)
    for key, held in effective.clauses.items():
        said = {(p.slug, p.number) for p in found if key in p.clauses}
        assert {(one.pack, one.number) for one in held.origins} == said
        assert held.set_by
        # Those that set it are enough; those that are overruled change nothing.
        values = [one.value for one in held.set_by]
        assert held.kind.merged([*values, values[0]]) == held.value


@given(_pack())
def test_what_is_written_is_read_again(pack):
    read = read_yaml(write_yaml(pack.clauses))
    kept, problems = validate(read.document, KNOWN, read.lines)
    assert not problems and not read.problems
    assert kept == dict(pack.clauses)


@settings(max_examples=300)
@given(st.text(max_size=300))
def test_no_text_breaks_the_reader(text):
    read = read_yaml(text)
    _, problems = validate(read.document, KNOWN, read.lines)
    assert read.problems or problems or read.document["clauses"] == {}


# One packs's roles


def _of(slug, layer="organisation", **clauses):
    said = {
        key.replace("__", "."): {"value": value, "why": "Because."}
        for key, value in clauses.items()
    }
    return Pack(slug, 1, layer, f"sha256:{slug}", said)


def _roles(*found, key):
    held = effective_of(found).clauses[key]
    return {origin.pack: role for origin, role in held.roles.items()}


def test_the_strictest_sets_it_and_looser_ones_are_overruled():
    found = (
        _of("wide", review_months=18),
        _of("law", "jurisdiction", review_months=12),
        _of("mine", "use_case", review_months=12),
    )
    assert _roles(*found, key="review_months") == {"wide": "looser", "law": "sets", "mine": "same"}


def test_where_no_pack_alone_says_it_those_narrow_that_are_needed():
    found = (
        _of("a", residency__storage=["de-1", "fr-1", "us-1"]),
        _of("b", "domain", residency__storage=["de-1", "ie-1", "us-1"]),
        _of("c", "use_case", residency__storage=["de-1", "fr-1"]),
    )
    assert effective_of(found).value("residency.storage") == ["de-1"]
    assert _roles(*found, key="residency.storage") == {
        "a": "looser",
        "b": "narrows",
        "c": "narrows",
    }


def test_no_pack_makes_the_empty_policy():
    assert effective_of([]).document == {
        "schema": "gatehouse.effective-policy/1",
        "clauses": [],
    }


# Documents


def _problems(text):
    read = read_yaml(text)
    _, problems = validate(read.document, KNOWN, read.lines)
    return [str(one) for one in [*read.problems, *problems]]


GOOD = """\
clauses:
  residency.processing:
    value: [de-1]
    why: Near the people it is about.
"""


@pytest.mark.parametrize(
    ("written", "line", "said"),
    [
        ("residency.processing: {value: [xx-9], why: w}", 2, "no region xx-9"),
        ("residency.processing: {value: [], why: w}", 2, "never be met"),
        ("residency.processing: {value: de-1, why: w}", 2, "list of slugs"),
        ("residency.cooking: {value: [de-1], why: w}", 2, "no such clause"),
        ("providers: {value: {allow: [ant], deny: [ant]}, why: w}", 2, "never be met"),
        ("providers: {value: {allow: [owl]}, why: w}", 2, "no provider owl"),
        ("use_cases: {value: {deny: [owl]}, why: w}", 2, "no use case owl"),
        ("tools: {value: {only: [ant]}, why: w}", 2, "allow, deny or both"),
        ("tools.authorization.owl: {value: none, why: w}", 2, "no tool owl"),
        ("tools.authorization.ant: {value: maybe, why: w}", 2, "one of none"),
        ("data_classification.max: {value: secret, why: w}", 2, "one of public"),
        ("safety.probes.lows.max: {value: 0.5, why: w}", 2, "has a metric lows"),
        ("safety.probes.hits.max: {value: many, why: w}", 2, "Give a number"),
        ("safety.probes.hits.max: {value: .nan, why: w}", 2, "Give a number"),
        ("require.red_team: {value: false, why: w}", 2, "Give true"),
        ("require.magic: {value: true, why: w}", 2, "no such clause."),
        ("residency.procesing: {value: [de-1], why: w}", 2, "Is residency.processing meant?"),
        ("tool: {value: {deny: [ant]}, why: w}", 2, "Is tools meant?"),
        ("review_months: {value: 0, why: w}", 2, "from 1 to"),
        ("review_months: {value: true, why: w}", 2, "from 1 to"),
        ("retention_days: {value: 1.5, why: w}", 2, "whole number"),
        ("retention_days: {value: 5}", 2, "Say why"),
        ("retention_days: {value: 5, why: w, unit: d}", 2, "unit is not known"),
        ("retention_days: 5", 2, "Give value and why"),
        ("retention_days: &a {value: 5, why: w}\n  review_months: *a", 3, "Aliases"),
        ("retention_days: !!python/object:os.system {}", 2, "Tags are not read"),
        ("retention_days: [", 3, "not YAML"),
        (
            'retention_days: {value: 5, why: "a\x07b"}',
            2,
            "U+0007 cannot stand in YAML",
        ),
        ("retention_days: [[[[[[[[[]]]]]]]]]", 2, "nests deeper"),
    ],
)
def test_each_fault_is_told_with_its_line(written, line, said):
    told = _problems(f"clauses:\n  {written}\n")
    assert any(one.startswith(f"Line {line}:") and said in one for one in told), told


def test_every_fault_is_told_at_once():
    told = _problems(
        "clauses:\n  review_months: {value: no, why: w}\n  nothing: {}\n"
        "  tools: {value: {deny: [owl]}, why: w}\n"
    )
    assert [one.split(":")[0] for one in told] == ["Line 2", "Line 3", "Line 4"]


def test_bounds_that_exclude_each_other_are_refused():
    told = _problems(
        "clauses:\n  safety.probes.hits.min: {value: 0.9, why: w}\n"
        "  safety.probes.hits.max: {value: 0.1, why: w}\n"
    )
    assert told == [
        "Line 2: safety.probes.hits.min: At least 0.9 and at most 0.1 can never be met together."
    ]


def test_a_key_that_stands_twice_is_refused():
    assert any("stands twice" in one for one in _problems(GOOD + "clauses: {}\n"))


def test_a_document_over_the_bound_is_not_parsed():
    assert _problems("#" * (64 * 1024 + 1)) == [
        "The document is over 64 KiB.",
        "Give clauses, a mapping of clause names.",
    ]


def test_a_metric_may_have_a_dot_in_its_name():
    assert not _problems("clauses:\n  safety.probes.a.b.min: {value: 0.5, why: w}\n")


# Judging


def _facts_of(**values):
    endpoint = EndpointFacts(
        "e1", "ant", {purpose: frozenset(["de-1"]) for purpose in PURPOSES}, True
    )
    return Facts(
        **{
            "use_case": "bee",
            "data_classification": "internal",
            "maker": "cat",
            "endpoints": (endpoint,),
            **values,
        }
    )


def _codes(facts, **clauses):
    return [(one.code, one.endpoint) for one in judge(effective_of([_of("p", **clauses)]), facts)]


ELSEWHERE = EndpointFacts("e2", "dog", {"processing": frozenset(["de-1", "us-1"])}, False)


@pytest.mark.parametrize(
    ("clauses", "facts", "codes"),
    [
        ({"residency__processing": ["de-1"]}, {}, []),
        ({"residency__processing": ["de-1"]}, {"endpoints": (ELSEWHERE,)}, [("RESIDENCY", "e2")]),
        (
            {"residency__storage": ["de-1"]},
            {"endpoints": (ELSEWHERE,)},
            [("RESIDENCY_UNKNOWN", "e2")],
        ),
        ({"data_classification__max": "public"}, {}, [("DATA_CLASSIFICATION", "")]),
        ({"data_classification__max": "internal"}, {}, []),
        ({"providers": {"deny": ["cat"]}}, {}, [("PROVIDER_DENIED", "")]),
        ({"providers": {"deny": ["ant"]}}, {}, [("PROVIDER_DENIED", "e1")]),
        ({"providers": {"allow": ["ant", "cat"]}}, {}, []),
        ({"providers": {"deny": ["dog"]}}, {"maker": None}, [("PROVIDER_DENIED", "")]),
        ({"use_cases": {"deny": ["bee"]}}, {}, [("USE_CASE_DISALLOWED", "")]),
        (
            {"tools": {"allow": ["ant"]}},
            {"grants": (("bee", "read", "none"),)},
            [("TOOL_NOT_GRANTED", "")],
        ),
        (
            {"tools__authorization__bee": "human_approval"},
            {"grants": (("bee", "read", "user_delegated"),)},
            [("POLICY_TOOLS_AUTHORIZATION", "")],
        ),
        ({"safety__probes__hits__max": "0.1"}, {}, [("POLICY_SAFETY_MAX", "")]),
        (
            {"safety__probes__hits__max": "0.1"},
            {"scores": {("probes", "hits"): Measured("0.1")}},
            [],
        ),
        (
            {"safety__probes__recall__min": "0.9"},
            {"scores": {("probes", "recall"): Measured("0.8")}},
            [("POLICY_SAFETY_MIN", "")],
        ),
        (
            {"require__served_release_id": True},
            {"endpoints": (ELSEWHERE,)},
            [("POLICY_REQUIRE_SERVED_RELEASE_ID", "e2")],
        ),
        ({"require__red_team": True}, {}, [("POLICY_REQUIRE_RED_TEAM", "")]),
        ({"require__red_team": True}, {"passing": {"red_team": "7"}}, []),
        ({"review_months": 1, "retention_days": 1}, {}, []),
    ],
)
def test_each_clause_is_judged_with_its_code(clauses, facts, codes):
    assert _codes(_facts_of(**facts), **clauses) == codes


def test_a_breach_names_clause_value_pack_and_version():
    (breach,) = judge(effective_of([_of("law", data_classification__max="public")]), _facts_of())
    assert breach.sentence == (
        "The use case bee handles internal data. "
        "The clause data_classification.max of law v1 says: public."
    )


def test_every_kind_has_a_place_and_words():
    assert len({kind.key for kind in KINDS}) == len(KINDS)
    assert {f"require.{name}" for name in REQUIREMENTS} <= {kind.key for kind in KINDS}
    assert Decimal(kind_of("safety.probes.hits.max").read("0.50")) == Decimal("0.5")


# Starter packs


@pytest.mark.parametrize("name", starter_packs.NAMES)
def test_each_starter_pack_is_read_and_can_be_met(name):
    about, clauses = starter_packs.load(name)
    demo = Known(
        region=frozenset(region[0] for region in places.REGIONS),
        provider=frozenset(provider[0] for provider in places.PROVIDERS),
        use_case=frozenset(purpose.slug for purpose in purposes.USE_CASES),
        tool=frozenset(tool[0] for tool in purposes.TOOLS),
    )
    kept, problems = validate({"clauses": clauses}, demo)
    assert not problems
    assert about["slug"] == name and kept
    for clause in kept.values():
        assert clause["why"].endswith(".") and len(clause["why"]) > 40


def test_every_file_among_the_starter_packs_is_listed():
    assert {path.stem for path in starter_packs.FOLDER.glob("*.yaml")} == set(starter_packs.NAMES)
