"""Impact: what rests on a thing, direct and through lineage, named as far as it may be seen."""

from datetime import date

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from registry import transitions
from registry.impact import KINDS, impact
from registry.impact.kinds import UNSEEN
from registry.models import RegisteredModel
from registry.roles import Role
from tests import make
from tests.api.reading import assert_problem, reader
from tests.gates.stories import approved, story

pytestmark = pytest.mark.django_db

TODAY = date(2026, 11, 24)


def found(kind: str, subject, person=None):
    return impact(KINDS[kind], subject, person or make.registrar(), TODAY)


def ways(result) -> dict[str, list[str]]:
    return {
        str(one.release): [f"{'' if way.direct else '↳ '}{way.sentence}" for way in one.ways]
        for one in result.releases
    }


def tuned(base, **values):
    return make.make_model_version(base_version=base, fine_tuning="adapter", **values)


# In which way


def test_of_a_version_its_releases_and_those_of_what_comes_from_it():
    base = make.make_model_version(sealed=True)
    middle = tuned(base)
    last = tuned(middle)
    first, second, third = (make.make_release(version=one) for one in (base, middle, last))
    result = found("model-version", base)
    assert ways(result) == {
        str(third): [f"↳ Through this version as its base: made with {last}, by way of {middle}."],
        str(second): [f"↳ Through this version as its base: made with {middle}."],
        str(first): ["Made with this version."],
    }
    assert {str(one.version): one.through for one in result.versions} == {
        str(base): "",
        str(middle): str(base),
        str(last): f"{base} → {middle}",
    }
    assert ways(found("model-version", last)).keys() == {str(third)}


def test_of_a_dataset_version_by_the_role_it_has_and_through_base_versions():
    data = make.make_dataset_version()
    base = make.make_model_version(datasets=[(data, "training"), (data, "evaluation")], sealed=True)
    direct, through = make.make_release(version=base), make.make_release(version=tuned(base))
    uses = f"which uses {data} for training and {data} for evaluation"
    expected = {
        str(direct): [f"Made with {base}, {uses}."],
        str(through): [
            f"↳ Through base version {base}, {uses}: made with {through.model_version}."
        ],
    }
    assert ways(found("dataset-version", data)) == expected
    assert ways(found("dataset", data.dataset)) == expected
    other = make.make_dataset_version()
    assert found("dataset-version", other).total == 0


def test_of_a_provider_as_maker_and_as_host():
    provider = make.make_provider(name="Northwind")
    made = make.make_model_version(maker=provider, sealed=True)
    endpoint = make.make_endpoint(host=provider)
    by_maker = make.make_release(version=made)
    through = make.make_release(version=tuned(made))
    by_host = make.make_release(version=endpoint.version)
    result = found("provider", provider)
    base = f"base version {made}, which is made by Northwind"
    assert ways(result) == {
        str(by_maker): [f"Made with {made}, which is made by Northwind."],
        str(through): [f"↳ Through {base}: made with {through.model_version}."],
        str(by_host): [f"Served at {endpoint.slug}, which Northwind hosts."],
    }
    assert [one.slug for one in result.endpoints] == [endpoint.slug]


def test_of_a_prompt_version_and_of_what_its_text_became():
    template = make.make_prompt()
    first, other = make.make_prompt_version(template), make.make_prompt_version(template)
    second = transitions.add_prompt_version(
        template.pk, text="New.", variables=[], notes="", actor=make.registrar(), reason="New."
    )
    old, new = make.make_release(prompts=[first]), make.make_release(prompts=[second])
    result = ways(found("prompt-version", first))
    assert result[str(old)] == ["It uses this prompt version."]
    assert other.parent == first and second.parent == other
    assert result[str(new)] == [f"↳ Through {second}, whose text comes from this one."]
    assert ways(found("prompt", template)) == {
        str(old): [f"It uses {first}."],
        str(new): [f"It uses {second}."],
    }


def test_of_a_tool_by_scope_and_authorisation():
    scope = make.make_tool_scope("crm", "write")
    release = make.make_release(grants=[(scope, "human_approval")])
    assert ways(found("tool", scope.tool)) == {
        str(release): [f"It may call {scope}; authorisation: human approval per call."]
    }


def test_of_an_evidence_item_its_release_and_the_approval_that_rests_on_it():
    told = approved()
    item = told.promotion.decided_package.evidence_links.first().item
    result = found("evidence", item)
    assert ways(result) == {str(told.release): ["It is about this release."]}
    (place,) = result.places.rows
    assert place.rests == "Its approval rests on this."
    unused = told.give("red_team")
    assert [one.rests for one in found("evidence", unused).places.rows] == [""]


def test_of_a_policy_version_what_it_binds_where_it_is_let_in():
    here = approved()
    there = story()
    there.environment = make.make_environment(jurisdiction="US")
    there.give_all()
    there.ask()
    nowhere = make.make_release()
    everywhere = make.make_policy(retention_days=90)
    pack = make.make_pack(layer="jurisdiction", jurisdiction="US")
    in_us = make.make_policy(pack, retention_days=60)
    domain = make.make_policy(
        make.make_pack(layer="domain"), use_cases=[here.use_case], retention_days=30
    )
    names = {str(here.release), str(there.release)}
    assert ways(found("policy-version", everywhere)).keys() == names
    result = found("policy-version", in_us)
    assert ways(result) == {str(there.release): [f"{in_us} binds it in every environment of US."]}
    assert [one.environment.slug for one in result.environments] == [there.environment.slug]
    assert ways(found("policy-version", domain)).keys() == {str(here.release)}
    assert str(nowhere) not in names
    replaced = make.make_policy(pack, retention_days=50)
    assert found("policy-version", in_us).note.startswith("A later version took its place")
    draft = make.make_policy_draft(pack, retention_days=40)
    assert found("policy-version", draft).note.startswith("It is a draft")
    assert found("policy-version", replaced).total == 1


# Where it is let in, and whom to tell


def test_places_say_until_when_and_owners_whom_to_tell():
    told = approved()
    asked = story()
    asked.give_all()
    asked.ask()
    provider = told.release.model_version.maker
    (place,) = found("provider", provider).places.rows
    assert (place.state, place.environment) == ("allowed", told.environment)
    assert place.until and place.endpoints == (told.endpoint.slug,)
    (waiting,) = found("provider", asked.release.model_version.maker).places.rows
    assert (waiting.state, waiting.until) == ("in_review", None)
    result = found("provider", provider)
    assert [one.slug for one in result.use_cases] == [told.use_case.slug]
    (owner,) = result.owners
    assert owner.team == told.use_case.team.name
    slug = told.release.model_version.model.slug
    assert owner.owns == (f"model {slug}", f"use case {told.use_case.slug}")
    assert owner.on_call == owner.owns
    (there,) = result.environments
    assert (there.allowed, there.asked, there.first_end) == (1, 0, place.until)


def test_a_host_is_not_blamed_for_what_is_let_in_elsewhere():
    told = story()
    elsewhere = make.make_endpoint(version=told.release.model_version)
    told.give_all()
    told.ask()
    assert [one.state for one in found("provider", told.endpoint.host).places.rows] == ["in_review"]
    result = found("provider", elsewhere.host)
    assert result.places.rows == () and result.total == 1


# Retirement


def retiring(day=date(2027, 1, 14), **values):
    """Return an approved story whose version retires."""
    told = story()
    version = make.make_model_version(
        model=told.release.model_version.model,
        no_retirement_announced=False,
        retires_on=day,
        datasets=[(make.make_dataset_version(team=told.use_case.team), "training")],
        **values,
    )
    told.endpoint = make.make_endpoint(version=version)
    told.release = make.make_release(use_case=told.use_case, version=version)
    return told


def let_in(told):
    told.give_all()
    told.ask()
    told.promotion = told.sign_all()
    return told


def test_what_retires_when_and_what_would_be_left():
    told = let_in(retiring())
    version = told.release.model_version
    draft = make.make_model_version(
        maker=version.maker, no_retirement_announced=False, retires_on=date(2026, 12, 1)
    )
    result = found("provider", version.maker).retirement
    assert [one.version for one in result.rows] == [draft, version]
    soon, late = result.rows
    assert (soon.releases, soon.outlooks) == (0, ())
    (outlook,) = late.outlooks
    assert (outlook.use_case, outlook.environment) == (told.use_case.slug, told.environment.slug)
    assert late.stranded == (outlook,) and outlook.others == ()
    # Another release there, on a version of another maker.
    other = make.make_model_version(
        model=version.model,
        datasets=[(make.make_dataset_version(team=told.use_case.team), "training")],
    )
    told.release = make.make_release(use_case=told.use_case, version=other)
    told.endpoint = make.make_endpoint(version=other)
    let_in(told)
    for kind, subject in (("provider", version.maker), ("model-version", version)):
        (outlook,) = found(kind, subject).retirement.rows[-1].outlooks
        assert [one.release for one in outlook.left] == [str(told.release)]


def test_an_adapter_goes_with_its_base():
    base = make.make_model_version(
        no_retirement_announced=False, retires_on=date(2027, 1, 14), sealed=True
    )
    told = let_in(retiring(day=None, base_version=base, fine_tuning="adapter"))
    for version in (base, told.release.model_version):
        (row,) = found("model-version", version).retirement.rows
        assert (row.version, row.releases) == (base, 1)
        assert [one.release for one in row.outlooks[0].resting] == [str(told.release)]


def test_what_has_retired_is_said_to_have():
    version = make.make_model_version(
        no_retirement_announced=False, retires_on=date(2026, 11, 1), sealed=True
    )
    result = found("model-version", version).retirement
    assert [one.past for one in result.rows] == [True]
    assert found("tool", make.make_tool_scope().tool).retirement is None


# Sight


def test_what_another_team_has_is_counted_and_never_named(client):
    own, foreign = make.make_team(), make.make_team()
    provider = make.make_provider()
    base = make.make_model_version(team=foreign, maker=provider, sealed=True)
    hidden = make.make_release(team=foreign, version=base)
    seen = make.make_release(team=own, version=tuned(base, team=own))
    viewer = make.make_person("", Role.VIEWER, team=own)
    result = found("provider", provider, viewer)
    assert (result.total, result.hidden) == (1, 1)
    assert (result.versions_total, result.versions_hidden) == (1, 1)
    through = f"base version {UNSEEN}, which is made by {provider.name}"
    assert ways(result) == {str(seen): [f"↳ Through {through}: made with {seen.model_version}."]}
    client.force_login(viewer)
    page = client.get(f"/impact/?kind=provider&key={provider.slug}")
    assert "And 1 release that you may not see." in page.text
    assert str(seen) in page.text
    for name in (hidden.use_case.slug, base.model.slug, foreign.name):
        assert name not in page.text
    answer = reader("viewer", team=own).get("impact/", kind="provider", key=provider.slug)
    assert answer.json()["releases_hidden"] == 1
    assert base.model.slug not in answer.content.decode()
    assert client.get(f"/impact/?kind=model-version&key={base.pk}").status_code == 404


def test_an_approval_of_another_team_is_not_named():
    told = let_in(retiring())
    version = told.release.model_version
    make.save(RegisteredModel, {"shared": True}, pk=version.model_id)
    viewer = make.make_person("", Role.VIEWER, team=make.make_team())
    result = found("model-version", version, viewer)
    assert (result.total, result.hidden, result.places.rows) == (0, 1, ())
    (row,) = result.retirement.rows
    assert (row.releases, row.hidden, row.outlooks) == (0, 1, ())


# Page and API


def test_the_page_says_when_nothing_rests_on_it(client):
    provider = make.make_provider()
    client.force_login(make.registrar())
    page = client.get(f"/impact/?kind=provider&key={provider.slug}")
    assert page.status_code == 200
    for sentence in (
        "No release rests on it.",
        "No retirement date that you may see is recorded.",
        "Nothing that rests on it is let in or asked for anywhere that you may see.",
    ):
        assert sentence in page.text


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("kind=team&key=1", "kind"),
        ("key=1", "kind"),
        ("kind=provider", "key"),
        ("kind=provider&key=a b", "key"),
        ("kind=model-version&key=x", "key"),
        (f"kind=model-version&key={'9' * 30}", "key"),
        ("kind=evidence&key=1", "key"),
        ("kind=tool&key=%00", "key"),
    ],
)
def test_what_cannot_be_asked_is_told(client, query, field):
    client.force_login(make.registrar())
    page = client.get(f"/impact/?{query}")
    assert page.status_code == 400 and "This cannot be asked." in page.text
    caller = reader("viewer")
    answer = caller.client.get(f"/api/v1/impact/?{query}", headers=caller.headers)
    assert_problem(answer, 400, field)


def test_a_key_is_asked_for_in_words(client):
    client.force_login(make.registrar())
    said = "The key of an evidence item is the id of the item. Give that."
    assert said in client.get("/impact/?kind=evidence&key=1").text


def test_what_is_not_there_is_not_there(client):
    client.force_login(make.registrar())
    for query in ("kind=provider&key=nobody", f"kind=model-version&key={10**17}"):
        assert client.get(f"/impact/?{query}").status_code == 404


def test_the_api_says_what_the_page_says(client):
    told = let_in(retiring())
    version = told.release.model_version
    client.force_login(make.registrar())
    page = client.get(f"/impact/?kind=provider&key={version.maker.slug}").text
    body = reader("viewer").get("impact/", kind="provider", key=version.maker.slug).json()
    (place,) = body["places"]
    (release,) = body["releases"]
    assert place["environment"] == told.environment.slug
    assert release["release"]["digest"] == told.release.digest
    for sentence in (place["note"], *(way["sentence"] for way in release["ways"])):
        assert sentence in page.replace("&quot;", '"')
    (row,) = body["retirement"]["rows"]
    assert row["day"] == "2027-01-14"
    assert row["outlooks"][0]["use_case"] == told.use_case.slug
    assert "Nothing left" in page and "retires on" in page


def test_every_noun_leads_to_its_impact(client):
    told = story(grants=[(make.make_tool_scope(), "none")])
    release, version = told.release, told.release.model_version
    data = version.dataset_links.get().dataset_version
    prompt = release.prompt_links.get().prompt_version
    tool, policy = release.tool_grants.get().scope.tool, make.make_policy(retention_days=9)
    item = told.give("safety_check")
    client.force_login(make.registrar())
    for kind, row, address in (
        ("provider", version.maker, f"/registry/provider/{version.maker_id}/change/"),
        ("model-version", version, version.get_absolute_url()),
        ("dataset", data.dataset, f"/registry/dataset/{data.dataset_id}/change/"),
        ("dataset-version", data, f"/registry/datasetversion/{data.pk}/change/"),
        ("prompt", prompt.template, f"/registry/prompttemplate/{prompt.template_id}/change/"),
        ("prompt-version", prompt, prompt.get_absolute_url()),
        ("tool", tool, f"/registry/tool/{tool.pk}/change/"),
        ("policy-version", policy, f"/registry/policyversion/{policy.pk}/change/"),
        ("evidence", item, item.get_absolute_url()),
    ):
        link = KINDS[kind].address(row)
        assert link.replace("&", "&amp;") in client.get(address).text, kind
        assert client.get(link).status_code == 200, kind
    assert len(KINDS) == 9


# Bounds and cost


def test_what_is_not_followed_any_further_is_said(monkeypatch, client):
    base = make.make_model_version(sealed=True)
    for _ in range(3):
        tuned(base)
    whole = found("model-version", base)
    assert (whole.versions_total, whole.cut) == (4, False)
    monkeypatch.setattr("registry.impact.trails.MOST", 3)
    part = found("model-version", base)
    assert (part.versions_total, part.cut) == (3, True)
    client.force_login(make.registrar())
    page = client.get(KINDS["model-version"].address(base))
    assert "The lineage may go on beyond what is followed here." in page.text


def test_a_way_of_many_steps_is_followed_to_its_end_or_said_to_be_cut(monkeypatch):
    base = make.make_model_version(sealed=True)
    last = tuned(tuned(tuned(base, sealed=True), sealed=True))
    release = make.make_release(version=last)
    assert ways(found("model-version", base)).keys() == {str(release)}
    monkeypatch.setattr("registry.impact.trails.DEEPEST", 2)
    assert found("model-version", base).total == 0 and found("model-version", base).cut


def test_more_than_a_page_is_counted(monkeypatch, client):
    version = make.make_model_version(sealed=True)
    first, second = (make.make_release(version=version) for _ in range(2))
    monkeypatch.setattr("registry.impact.finding.SHOWN", 1)
    monkeypatch.setattr("registry.impact.views.SHOWN", 1)
    result = found("model-version", version)
    assert [one.release for one in result.releases] == [second] and result.total == 2
    client.force_login(make.registrar())
    page = client.get(KINDS["model-version"].address(version)).text
    assert "And 1 earlier." in page and str(first) not in page


def test_more_releases_take_no_more_queries():
    person = make.registrar()
    assert person.grants
    provider = make.make_provider()
    base = make.make_model_version(maker=provider, sealed=True)
    sizes = []
    for number in (1, 4):
        for _ in range(number):
            told = retiring(maker=provider, base_version=base, fine_tuning="adapter")
            make.save(RegisteredModel, {"shared": True}, pk=told.release.model_version.model_id)
            let_in(told)
        with CaptureQueriesContext(connection) as asked:
            found("provider", provider, person)
        sizes.append(len(asked))
    assert sizes[0] == sizes[1]
