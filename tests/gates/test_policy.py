"""Policy at the gates: in packages, findings and decisions, now and as of then."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from audit import Refused, clock
from evidence import transitions as evidence
from gates import transitions as gates
from gates.decisions import decide
from gates.models import Promotion
from gates.packages import live
from gates.rules import Status
from registry.effective import effective_policy
from registry.models import EndpointRegion, PolicyVersion, Release, ServingEndpoint
from registry.policy import effective_of
from tests import make
from tests.gates import stories

pytestmark = pytest.mark.django_db


def fresh(told):
    """Return release and environment as a caller would find them."""
    release = Release.objects.select_related("use_case").get(pk=told.release.pk)
    return release, type(told.environment).objects.get(pk=told.environment.pk)


def codes(told, at=None):
    return [one["code"] for one in decide(*fresh(told), at)["reasons"]]


def elsewhere(told):
    """Return the region of the endpoint and one that it is not in."""
    return told.endpoint.region_links.first().region, make.make_region()


def test_without_packs_the_policy_is_the_empty_one():
    told = stories.story()
    told.give_all()
    promotion = told.ask()
    package = live(promotion)
    assert package.document["effective_policy"] == effective_of(()).digest
    assert not [one for one in package.findings if one.gate == "policy"]


def test_a_pack_in_force_enters_the_package_and_the_findings():
    told = stories.story()
    here, _ = elsewhere(told)
    make.make_policy(
        residency__processing=[here.slug], data_classification__max="public", review_months=3
    )
    told.give_all()
    told.promotion = gates.request(
        release=told.release,
        environment=told.environment,
        endpoints=[told.endpoint],
        purpose="To try it.",
        actor=told.requester,
        reason="Told in a test.",
    )
    package = live(told.promotion)
    policy = effective_policy(told.use_case, told.environment)
    assert package.document["effective_policy"] == policy.digest
    found = {one.code: one for one in package.findings if one.gate == "policy"}
    assert found["residency.processing"].status == Status.MET
    assert found["data_classification.max"].status == Status.FAILED
    assert "handles internal data" in found["data_classification.max"].fact
    assert set(found) == {"residency.processing", "data_classification.max"}


def test_promise_10_policy_published_later_is_judged_at_once_with_its_clause():
    told = stories.approved()
    before = clock.now()
    assert decide(*fresh(told))["allowed"]
    _, other = elsewhere(told)
    pack = make.make_pack("near-home")
    make.make_policy(pack, residency__processing=[other.slug])
    answer = decide(*fresh(told))
    assert not answer["allowed"]
    assert [one["code"] for one in answer["reasons"]] == ["RESIDENCY"]
    assert "residency.processing of near-home v1" in answer["reasons"][0]["sentence"]
    # As of then it was allowed; a newer version that frees it frees it.
    assert decide(*fresh(told), before)["allowed"]
    during = clock.now()
    make.make_policy(pack, review_months=24)
    assert decide(*fresh(told))["allowed"]
    assert codes(told, during) == ["RESIDENCY"]


def test_a_draft_changes_nothing():
    told = stories.approved()
    make.make_policy_draft(data_classification__max="public")
    assert decide(*fresh(told))["allowed"]


@pytest.mark.parametrize(
    ("clauses", "code"),
    [
        ({"data_classification__max": "public"}, "DATA_CLASSIFICATION"),
        ({"require__red_team": True}, "POLICY_REQUIRE_RED_TEAM"),
        ({"require__served_release_id": True}, "POLICY_REQUIRE_SERVED_RELEASE_ID"),
    ],
)
def test_each_kind_of_clause_refuses_an_approval(clauses, code):
    told = stories.approved()
    make.make_policy(**clauses)
    assert codes(told) == [code]


def test_providers_hit_maker_and_host():
    told = stories.approved()
    host = told.endpoint.host.slug
    maker = told.release.model_version.maker.slug
    pack = make.make_pack()
    make.make_policy(pack, providers={"deny": [maker]})
    assert codes(told) == ["PROVIDER_DENIED"]
    make.make_policy(pack, providers={"deny": [host]})
    assert codes(told) == ["PROVIDER_DENIED"]
    make.make_policy(pack, providers={"allow": [maker, host]})
    assert decide(*fresh(told))["allowed"]


def test_tools_are_judged_by_the_sealed_release():
    scope = make.make_tool_scope()
    told = stories.approved(grants=[(scope, "service_account")])
    pack, tool = make.make_pack(), scope.tool.slug
    make.make_policy(pack, tools={"deny": [tool]})
    assert codes(told) == ["TOOL_NOT_GRANTED"]
    make.make_policy(pack, **{f"tools__authorization__{tool}": "human_approval"})
    assert codes(told) == ["POLICY_TOOLS_AUTHORIZATION"]
    make.make_policy(pack, **{f"tools__authorization__{tool}": "service_account"})
    assert decide(*fresh(told))["allowed"]


def test_one_endpoint_that_is_forbidden_leaves_the_others():
    told = stories.story()
    here, other = elsewhere(told)
    away = make.make_endpoint(
        version=told.release.model_version,
        regions={purpose: [other] for purpose in EndpointRegion.Purpose.values},
    )
    told.give_all()
    told.ask(submit=False)
    gates.amend(
        told.promotion.pk,
        endpoints=[told.endpoint, away],
        purpose="At both.",
        wanted_by=None,
        actor=told.requester,
        reason="Both serve it.",
    )
    gates.submit(told.promotion.pk, actor=told.requester, reason="Both serve it.")
    told.sign_all()
    assert decide(*fresh(told))["endpoints"] == sorted([told.endpoint.slug, away.slug])
    make.make_policy(residency__storage=[here.slug])
    answer = decide(*fresh(told))
    assert answer["allowed"] and answer["endpoints"] == [told.endpoint.slug]


def test_a_region_that_is_not_recorded_is_refused():
    told = stories.approved()
    here, _ = elsewhere(told)
    make.make_policy(residency__support=[here.slug])
    assert decide(*fresh(told))["allowed"]
    told.endpoint = make.save(
        ServingEndpoint,
        {},
        {EndpointRegion: [{"purpose": "processing", "region": here}]},
        pk=told.endpoint.pk,
    )
    renewed = stories.Story(**{**vars(told), "people": {}, "promotion": None})
    renewed.give_all()
    renewed.ask()
    finding = next(one for one in live(renewed.promotion).findings if one.gate == "policy")
    assert finding.status == Status.MISSING
    assert "not recorded" in finding.fact


def test_safety_needs_a_score_that_keeps_to_the_bound():
    told = stories.approved("production")
    suite = told.suite.suite.slug
    pack = make.make_pack()
    make.make_policy(pack, **{f"safety__{suite}__accuracy__min": "0.99"})
    assert codes(told) == ["POLICY_SAFETY_MIN"]
    make.make_policy(pack, **{f"safety__{suite}__accuracy__min": "0.9"})
    assert decide(*fresh(told))["allowed"]


def test_an_approval_ends_with_the_evidence_that_policy_leans_on():
    told = stories.approved()
    item = told.give("red_team", expires_at=clock.now() + timedelta(days=3))
    make.make_policy(require__red_team=True)
    answer = decide(*fresh(told))
    assert answer["allowed"]
    with clock.at(item.expires_at + timedelta(minutes=1)):
        assert "POLICY_REQUIRE_RED_TEAM" in codes(told)
    evidence.withdraw(item.pk, actor=told.contributor, reason="Wrong.")
    assert codes(told) == ["POLICY_REQUIRE_RED_TEAM"]


def test_review_months_shorten_an_approval_now_and_at_signing():
    told = stories.approved()
    make.make_policy(review_months=1)
    promotion = Promotion.objects.get(pk=told.promotion.pk)
    assert promotion.review_at > clock.now() + timedelta(days=300)
    with clock.at(clock.now() + timedelta(days=32)):
        assert "REVIEW_DUE" in codes(told)
    later = stories.approved()
    assert later.promotion.review_at < clock.now() + timedelta(days=32)


def test_publishing_makes_a_signature_in_review_count_no_longer():
    told = stories.story("production")
    told.give_all()
    told.ask()
    told.sign(told.signer("reviewer"))
    before = live(told.promotion).digest
    make.make_policy(retention_days=30)
    assert live(told.promotion).digest != before


def test_jurisdiction_domain_and_use_case_packs_bind_only_theirs():
    told = stories.story()
    other = make.make_use_case()
    american = make.make_environment(jurisdiction="US")
    make.make_policy(make.make_pack("eu", "jurisdiction", jurisdiction="EU"), retention_days=10)
    make.make_policy(make.make_pack("sick", "domain"), use_cases=[other], review_months=2)
    make.make_policy(make.make_pack("own", "use_case"), use_cases=[told.use_case], review_months=5)

    def packs(use_case, environment):
        return effective_policy(use_case, environment).packs

    assert packs(told.use_case, told.environment) == ("eu v1", "own v1")
    assert packs(told.use_case, american) == ("own v1",)
    assert packs(other, told.environment) == ("eu v1", "sick v1")


def test_the_policy_is_read_in_one_query_and_three_for_the_past():
    told = stories.story()
    for number in range(3):
        make.make_policy(retention_days=10 + number)
    past = clock.now()
    make.make_policy(retention_days=5)
    with CaptureQueriesContext(connection) as now:
        policy = effective_policy(told.use_case, told.environment)
    assert (len(now), policy.value("retention_days")) == (1, 5)
    with CaptureQueriesContext(connection) as then:
        policy = effective_policy(told.use_case, told.environment, past)
    assert (len(then), policy.value("retention_days")) == (3, 10)


def test_a_decision_costs_the_same_whatever_the_number_of_packs():
    told = stories.approved()
    here, _ = elsewhere(told)
    sizes = []
    for number in (1, 5):
        for _ in range(number):
            make.make_policy(residency__processing=[here.slug], retention_days=number)
        with CaptureQueriesContext(connection) as asked:
            assert decide(*fresh(told))["allowed"]
        sizes.append(len(asked))
    assert sizes[0] == sizes[1]


def test_an_endpoint_as_of_then_is_judged_as_it_was_then():
    told = stories.approved()
    here, other = elsewhere(told)
    make.make_policy(residency__processing=[here.slug])
    during = clock.now()
    make.save(
        ServingEndpoint,
        {},
        {
            EndpointRegion: [
                {"purpose": purpose, "region": other} for purpose in EndpointRegion.Purpose.values
            ]
        },
        pk=told.endpoint.pk,
    )
    assert not decide(*fresh(told))["allowed"]
    assert decide(*fresh(told), during)["allowed"]


def test_clauses_that_name_what_is_not_there_are_refused():
    with pytest.raises(Refused, match="no region nowhere"):
        make.make_policy(residency__processing=["nowhere"])
    assert not PolicyVersion.objects.exists()
