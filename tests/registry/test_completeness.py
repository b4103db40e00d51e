"""The checklist of a version and of a release: what is known, and where each gap is filled."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from registry import transitions
from registry.completeness import facts_of_release, facts_of_version, lineage_gaps
from registry.models import (
    EndpointRegion,
    ModelUse,
    Objective,
    RegisteredModel,
    Release,
    ServingEndpoint,
    VersionDataset,
)
from registry.rules import ASKED
from tests import make

pytestmark = pytest.mark.django_db


def gaps(facts) -> dict[str, str]:
    """Return {code: address} of what is not known."""
    return {fact.code: fact.url for fact in facts if not fact.known}


def test_a_release_that_says_everything_has_no_gap():
    release = make.make_release()
    make.make_endpoint(version=release.model_version)
    facts = facts_of_release(release)
    assert [fact.code for fact in facts] == list(ASKED)
    assert gaps(facts) == {}
    assert lineage_gaps(release) == []
    assert all(fact.value and not fact.fix for fact in facts)


@pytest.mark.parametrize(
    ("missing", "code"),
    [
        ({"identifier": ""}, "identifier"),
        ({"maker": None}, "maker"),
        ({"context_window": None}, "context_window"),
        ({"output_limit": None}, "output_limit"),
        ({"input_modalities": []}, "modalities"),
        ({"output_modalities": []}, "modalities"),
        ({"capabilities": []}, "capabilities"),
        ({"licence": ""}, "licence"),
        ({"no_retirement_announced": False}, "retirement"),
        ({"card": " \n"}, "card"),
    ],
)
def test_each_fact_that_is_missing_is_a_gap_on_the_version(missing, code):
    tried = make.make_dataset_version()
    version = make.make_model_version(datasets=[(tried, "evaluation")], **missing)
    here = f"/registry/modelversion/{version.pk}/change/"
    told = [fact for fact in facts_of_version(version) if ASKED[fact.code].told_on == "version"]
    assert gaps(told) == {code: here}


def test_what_a_release_lacks_is_filled_on_the_release():
    release = make.make_release(objectives=[], on_call_team=None, runbook="", sealed=False)
    make.make_endpoint(version=release.model_version)
    here = f"/registry/release/{release.pk}/change/"
    assert gaps(facts_of_release(release)) == dict.fromkeys(
        ("objectives", "on_call", "runbook"), here
    )
    promised = {"metric": "up", "objective": "≥ 99 %", "window": "30 days"}
    values = {"on_call_team": release.use_case.team, "runbook": "https://runbooks.example.org"}
    release = make.save(Release, values, {Objective: [promised]}, pk=release.pk)
    assert gaps(facts_of_release(release)) == {}


def test_a_gap_in_what_is_sealed_leads_to_a_new_one():
    version = make.make_model_version(licence="")
    release = make.make_release(version=version, runbook="")
    facts = {fact.code: fact for fact in facts_of_release(release)}
    assert facts["licence"].url == f"/registry/modelversion/{version.pk}/new-version/"
    assert facts["licence"].fix.endswith("This one is sealed: make a new version from it.")
    assert facts["runbook"].url == f"/registry/release/{release.pk}/new-release/"
    sam = make.registrar()
    version = transitions.new_version_from(version.pk, version="b", actor=sam, reason="A gap.")
    assert gaps(facts_of_version(version))["licence"].endswith(f"{version.pk}/change/")


def test_the_addresses_of_gaps_are_there(client):
    client.force_login(make.registrar())
    version = make.make_model_version(licence="", datasets=[])
    sealed = make.make_release(version=version, runbook="")
    drafted = make.make_release(
        version=make.make_model_version(licence=""), runbook="", sealed=False
    )
    make.make_endpoint(version=drafted.model_version, regions={})
    addresses = {
        url for release in (sealed, drafted) for url in gaps(facts_of_release(release)).values()
    }
    assert len(addresses) == 8
    assert {url: client.get(url).status_code for url in addresses} == dict.fromkeys(addresses, 200)


def test_endpoints_say_where_they_do_what():
    release = make.make_release()
    adding = f"/registry/servingendpoint/add/?version={release.model_version_id}"
    told = ("region", "endpoints", "served_release_id")
    assert gaps(facts_of_release(release)) == dict.fromkeys(told, adding)
    region = make.make_region("eu-central")
    make.make_endpoint(version=release.model_version)
    half = make.make_endpoint("half", version=release.model_version, regions={})
    here = f"/registry/servingendpoint/{half.pk}/change/"
    assert gaps(facts_of_release(release)) == {"region": here, "endpoints": here}
    processing = [{"purpose": "processing", "region": region}]
    make.save(ServingEndpoint, {}, {EndpointRegion: processing}, pk=half.pk)
    assert gaps(facts_of_release(release)) == {"endpoints": here}


def test_only_the_endpoints_that_are_asked_for_count():
    release = make.make_release()
    whole = make.make_endpoint(version=release.model_version)
    make.make_endpoint(version=release.model_version, regions={})
    assert gaps(facts_of_release(release, [whole])) == {}
    assert set(gaps(facts_of_release(release, []))) == {"region", "endpoints", "served_release_id"}


@pytest.mark.parametrize("stance", ["disallowed", None])
def test_a_use_that_is_not_intended_is_a_gap_of_the_release(stance):
    release = make.make_release()
    make.make_endpoint(version=release.model_version)
    model, other = release.model_version.model, make.make_use_case()
    uses = [{"use_case": other, "stance": "intended"}]
    if stance:
        uses.append({"use_case": release.use_case, "stance": stance})
    make.save(RegisteredModel, {}, {ModelUse: uses}, pk=model.pk)
    here = f"/registry/registeredmodel/{model.pk}/change/"
    assert gaps(facts_of_release(release)) == {"intended_use": here}
    assert "intended_use" not in gaps(facts_of_version(release.model_version))


def test_lineage_is_followed_through_every_base():
    undigested = make.make_dataset_version(digest="")
    oldest = make.make_model_version(datasets=[(undigested, "training")], sealed=True)
    base = make.make_model_version(base_version=oldest, sealed=True)
    version = make.make_model_version(base_version=base, fine_tuning="adapter")
    assert lineage_gaps(version) == [
        f"Model version {version} is not sealed and has no digest.",
        f"Dataset {undigested} (training of {oldest}) has no digest.",
    ]
    make.save(type(undigested), {"digest": f"sha256:{'1' * 64}"}, pk=undigested.pk)
    release = make.make_release(version=version)
    release.refresh_from_db()
    assert lineage_gaps(release) == []


def test_the_number_of_queries_does_not_grow_with_the_rows():
    def queries(release) -> int:
        release = Release.objects.get(pk=release.pk)
        with CaptureQueriesContext(
            connection,
        ) as captured:
            facts_of_release(release)
            lineage_gaps(release)
        return len(captured)

    small = make.make_release(sealed=False)
    make.make_endpoint(version=small.model_version)
    before = queries(small)
    version = small.model_version
    tried = [make.make_dataset_version(team=version.model.team) for _ in range(8)]
    links = [{"dataset_version": each, "role": "evaluation"} for each in tried]
    make.save(type(version), {}, {VersionDataset: links}, pk=version.pk)
    for _ in range(8):
        make.make_endpoint(version=version)
    promised = [
        {"metric": f"metric {number}", "objective": "≥ 1", "window": "30 days"}
        for number in range(8)
    ]
    make.save(Release, {}, {Objective: promised}, pk=small.pk)
    assert queries(small) == before
