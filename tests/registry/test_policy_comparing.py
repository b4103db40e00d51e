"""Two versions of a policy side by side: what differs, why, and whether it narrows or widens."""

from datetime import date

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from registry import transitions
from registry.models import ModelVersion, PolicyVersion
from registry.policy import Pack, effective_of
from registry.policy.clauses import kind_of
from registry.policy.comparing import (
    BOTH,
    LOOSER,
    NEITHER,
    STRICTER,
    clause_changes,
    compared,
    counted,
    unchanged_clauses,
)
from registry.roles import Role
from tests import make
from tests.api.reading import reader
from tests.registry.test_policy_rules import VALUES


def clauses(**values):
    return {
        key.replace("__", "."): {"value": value, "why": "Because."} for key, value in values.items()
    }


def told(before: dict, after: dict) -> list[str]:
    return [one.sentence for one in clause_changes(before, after)]


CASES = [
    (
        clauses(residency__processing=["eu", "us"]),
        clauses(residency__processing=["eu"]),
        ["residency.processing eu, us → eu: stricter"],
    ),
    (
        clauses(residency__storage=["eu"]),
        clauses(residency__storage=["us"]),
        ["residency.storage eu → us: stricter in part, looser in part"],
    ),
    (
        clauses(tools={"deny": ["mail"]}),
        clauses(tools={"deny": ["crm", "mail"]}),
        ["tools.deny crm added: stricter"],
    ),
    (
        clauses(tools={"deny": ["crm", "mail"]}),
        clauses(tools={"deny": ["mail"]}),
        ["tools.deny crm removed: looser"],
    ),
    (
        clauses(providers={"deny": ["ant"]}),
        clauses(providers={"allow": ["bee"], "deny": ["ant"]}),
        ["providers.allow bee added: stricter"],
    ),
    (
        clauses(providers={"allow": ["bee"]}),
        clauses(providers={"allow": ["bee", "cat"], "deny": ["dog"]}),
        ["providers.allow cat added, providers.deny dog added: looser"],
    ),
    (
        clauses(providers={"allow": ["bee"]}),
        clauses(providers={"allow": ["bee"], "deny": ["dog"]}),
        ["providers.deny dog added: as strict as before"],
    ),
    (
        clauses(use_cases={"allow": ["a", "b"]}),
        clauses(use_cases={"allow": ["b", "c"]}),
        ["use_cases.allow c added, use_cases.allow a removed: stricter in part, looser in part"],
    ),
    (
        clauses(data_classification__max="restricted"),
        clauses(data_classification__max="internal"),
        ["data_classification.max restricted → internal: stricter"],
    ),
    (
        clauses(tools__authorization__crm="human_approval"),
        clauses(tools__authorization__crm="service_account"),
        ["tools.authorization.crm human approval → service account: looser"],
    ),
    (
        clauses(safety__probes__hits__max="0.05"),
        clauses(safety__probes__hits__max="0.1"),
        ["safety.probes.hits.max 0.05 → 0.1: looser"],
    ),
    (
        clauses(safety__probes__recall__min="0.9"),
        clauses(safety__probes__recall__min="0.95"),
        ["safety.probes.recall.min 0.9 → 0.95: stricter"],
    ),
    ({}, clauses(review_months=12), ["review_months added, 12: stricter"]),
    (clauses(retention_days=30), {}, ["retention_days removed, 30: looser"]),
    ({}, clauses(require__red_team=True), ["require.red_team added, yes: stricter"]),
    (
        {"review_months": {"value": 6, "why": "Half a year."}},
        {"review_months": {"value": 6, "why": "The law says so."}},
        ["review_months stays 6, for another reason"],
    ),
    (
        {"later.clause": {"value": "a", "why": "w"}},
        {"later.clause": {"value": "b", "why": "w"}},
        ["later.clause a → b: stricter in part, looser in part"],
    ),
]


@pytest.mark.parametrize(("before", "after", "sentences"), CASES)
def test_each_clause_is_told_with_what_it_does(before, after, sentences):
    assert told(before, after) == sentences
    assert told(after, after) == []


def test_both_whys_are_kept_and_the_same_is_named():
    before = {"review_months": {"value": 6, "why": "Half a year."}, **clauses(retention_days=30)}
    after = {"review_months": {"value": 3, "why": "A quarter."}, **clauses(retention_days=30)}
    (change,) = clause_changes(before, after)
    assert (change.before, change.after) == ("6", "3")
    assert (change.why_before, change.why_after) == ("Half a year.", "A quarter.")
    assert unchanged_clauses(before, after) == ["retention_days"]
    assert counted([STRICTER, LOOSER, STRICTER, ""]) == "2 stricter, 1 looser"
    assert counted([]) == ""


@given(st.data(), st.sampled_from(sorted(VALUES)))
def test_stricter_means_that_the_other_is_overruled_by_it(data, key):
    """A version that is called stricter makes, with the older one beside it, the same policy."""
    kind = kind_of(key)
    old, new = (kind.read(data.draw(VALUES[key])) for _ in range(2))
    effect = compared(kind, old, new)
    opposite = {STRICTER: LOOSER, LOOSER: STRICTER, BOTH: BOTH, NEITHER: NEITHER}
    assert compared(kind, new, old) == opposite[effect]

    def policy(*values):
        packs = [
            Pack(f"p{place}", 1, "domain", "sha256:1", {key: {"value": value, "why": "w"}})
            for place, value in enumerate(values)
        ]
        value = effective_of(packs).value(key)
        return value.get("allow", value) if isinstance(value, dict) else value

    assert (policy(old, new) == policy(new)) == (effect in (STRICTER, NEITHER))
    assert (policy(old, new) == policy(old)) == (effect in (LOOSER, NEITHER))


# The page and the API


@pytest.fixture
def two(db):
    """Two versions of a domain's pack, the second a draft that binds another use case."""
    cases = [make.make_use_case("claims"), make.make_use_case("letters")]
    pack = make.make_pack("customers", layer="domain")
    first = make.make_policy(pack, use_cases=cases[:1], review_months=12, retention_days=30)
    draft = transitions.new_policy_version_from(first.pk, actor=make.author(), reason=make.WHY)
    transitions.save_policy_draft(
        draft.pk,
        clauses={
            "review_months": {"value": 6, "why": "<b>Models</b> {{ change }}."},
            "retention_days": {"value": 30, "why": "Made for a test."},
        },
        use_cases=[case.pk for case in cases],
        actor=make.author(),
        reason=make.WHY,
    )
    return first, PolicyVersion.objects.get(pk=draft.pk)


def test_versions_are_compared_drafts_too(client, two):
    first, draft = two
    client.force_login(make.make_person("vera", Role.VIEWER))
    page = client.get("/compare/", {"kind": "policy-version", "b": draft.pk})
    assert page.status_code == 200
    assert page.context_data["a"] == first
    said = page.text
    assert "review_months 12 → 6: stricter" in said
    assert "bound use case letters added: stricter" in said
    assert "They differ: 2 stricter." in said
    assert "&lt;b&gt;Models&lt;/b&gt; {{ change }}." in said and "<b>Models" not in said
    assert "Unchanged: retention_days" in said
    assert f"/registry/policyversion/{draft.pk}/change/" in said


def test_a_use_case_that_is_not_seen_is_counted_and_not_named(client, two):
    first, draft = two
    case = first.use_case_links.get().use_case
    stranger = make.make_person("vic", Role.VIEWER, team=case.team)
    client.force_login(stranger)
    page = client.get("/compare/", {"kind": "policy-version", "b": draft.pk})
    assert "letters" not in page.text
    assert "And 1 you may not see." in page.text
    preview = client.get(f"/policy/versions/{draft.pk}/preview/").text
    assert "letters" not in preview and "And 1 you may not see." in preview
    caller = reader("viewer", team=case.team)
    body = caller.get("compare/", kind="policy-version", b=draft.pk).json()
    assert body["hidden"] == 1 and "letters" not in str(body)


def test_the_api_tells_effect_and_why(two):
    first, draft = two
    caller = reader("auditor")
    versions = caller.get("policy-packs/customers/").json()["versions"]
    assert [one["id"] for one in versions] == [draft.pk, first.pk]
    body = caller.get("compare/", kind="policy-version", a=first.pk, b=draft.pk).json()
    assert body["changes"][0] == {
        "state": "changed",
        "name": "review_months",
        "before": "12",
        "before_note": "Made for a test.",
        "after": "6",
        "after_note": "<b>Models</b> {{ change }}.",
        "effect": "stricter",
        "sentence": "review_months 12 → 6: stricter",
    }
    assert body["changes"][1]["sentence"] == "bound use case letters added: stricter"
    assert body["hidden"] == 0


def test_packs_versions_and_previews_lead_there(client, two):
    first, draft = two
    client.force_login(make.author("percy"))
    link = f"/compare/?kind=policy-version&amp;b={draft.pk}"
    assert link in client.get(f"/registry/policypack/{draft.pack_id}/change/").text
    assert link in client.get(f"/registry/policyversion/{draft.pk}/change/").text
    preview = client.get(f"/policy/versions/{draft.pk}/preview/").text
    assert f"{link}&amp;a={first.pk}" in preview
    assert "2 stricter" in preview and "bound use case letters" in preview
    assert "&lt;b&gt;Models&lt;/b&gt; {{ change }}." in preview and "<b>Models" not in preview


def test_more_clauses_and_use_cases_cost_no_more_queries(client, two):
    first, draft = two
    client.force_login(make.make_person("vera", Role.VIEWER))
    address = f"/compare/?kind=policy-version&a={first.pk}&b={draft.pk}"
    client.get(address)
    with CaptureQueriesContext(connection) as few:
        client.get(address)
    more = [make.make_use_case() for _ in range(8)]
    transitions.save_policy_draft(
        draft.pk,
        clauses={**clauses(review_months=4, data_classification__max="public")},
        use_cases=[case.pk for case in more],
        actor=make.author(),
        reason=make.WHY,
    )
    client.get(address)
    with CaptureQueriesContext(connection) as many:
        client.get(address)
    assert len(few) == len(many)


def test_a_draft_with_a_date_is_compared_with_a_sealed_version(client, db):
    """What is sealed holds texts, and a draft dates: both are read as the same plain values."""
    client.force_login(make.registrar())
    values = {"no_retirement_announced": False, "retires_on": date(2027, 1, 31)}
    sealed = make.make_model_version(sealed=True, **values)
    draft = transitions.new_version_from(
        sealed.pk, version="next", actor=make.registrar(), reason=make.WHY
    )
    query = {"kind": "model-version", "a": sealed.pk, "b": draft.pk}
    assert "Nothing differs but the name." in client.get("/compare/", query).text
    make.save(ModelVersion, {"retires_on": date(2028, 1, 31)}, pk=draft.pk)
    page = client.get("/compare/", query)
    assert "retirement date 2027-01-31 → 2028-01-31" in page.text.lower()
