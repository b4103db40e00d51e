"""Deprecating and retiring: who may, what it does to drafts and menus, and where readers see it."""

import pytest

from audit import Refused
from audit.models import Entry
from audit.refusals import NotAllowed
from registry import lifecycle, transitions
from registry.models import (
    Dataset,
    ModelVersion,
    PromptTemplate,
    PromptVersion,
    RegisteredModel,
    Release,
    ReleasePrompt,
    Retirement,
    ServingEndpoint,
    Tool,
    ToolGrant,
    UseCase,
)
from registry.models.retirements import SUBJECTS
from registry.roles import Role
from tests import make
from tests.nouns import make_one

pytestmark = pytest.mark.django_db

LABELS = sorted(noun._meta.label_lower for noun in SUBJECTS)


@pytest.fixture
def team():
    return make.make_team("claims")


@pytest.fixture
def rhea(client):
    person = make.registrar()
    client.force_login(person)
    return person


def retire(row, successor=None, *, actor=None, verb=transitions.retire):
    return verb(
        type(row),
        row.pk,
        successor=successor and successor.pk,
        actor=actor or make.registrar(),
        reason="Its maker ends it.",
    )


def deprecate(row, successor=None, **options):
    return retire(row, successor, verb=transitions.deprecate, **options)


def reinstate(row):
    return transitions.reinstate(
        type(row), row.pk, actor=make.registrar(), reason="It goes on after all."
    )


def codes(refusal) -> list[str]:
    return [reason.code for reason in refusal.value.reasons]


# The verbs


@pytest.mark.parametrize("label", LABELS)
def test_every_noun_goes_out_of_use_and_comes_back(label, team):
    row, other = make_one(label, team), make_one(label, team)
    assert lifecycle.standing_of(row).in_use
    retired = retire(row, other)
    assert (retired.name, retired.subject_id) == (SUBJECTS[type(row)], row.pk)
    entry = Entry.objects.latest("seq")
    assert (entry.event, entry.about) == (f"{label.split('.')[1]}.retired", row.key)
    found = lifecycle.standing_of(row)
    assert (found.state, found.successor, found.reason) == (
        "retired",
        str(other),
        "Its maker ends it.",
    )
    deprecate(row)
    assert (lifecycle.standing_of(row).state, lifecycle.standing_of(row).successor) == (
        "deprecated",
        "",
    )
    reinstate(row)
    assert lifecycle.standing_of(row).in_use
    assert Retirement.objects.count() == 3


@pytest.mark.parametrize("label", LABELS)
def test_only_a_registrar_of_the_team_says_so(label, team):
    row = make_one(label, team)
    common = label == "registry.tool"
    for person, may in [
        (make.make_person("", Role.REGISTRAR, team=team), True),
        (make.make_person("", Role.REGISTRAR, team=make.make_team()), common),
        (make.make_person("", Role.REVIEWER, Role.VIEWER, team=team), False),
        (make.admin(), False),
    ]:
        if may:
            deprecate(row, actor=person)
            reinstate(row)
        else:
            with pytest.raises(NotAllowed):
                deprecate(row, actor=person)


def test_nothing_new_is_refused(team):
    tool = make.make_tool_scope().tool
    with pytest.raises(Refused) as refusal:
        reinstate(tool)
    assert codes(refusal) == ["IN_USE"]
    retire(tool)
    with pytest.raises(Refused) as refusal:
        retire(tool)
    assert codes(refusal) == ["NOTHING_NEW"]


def test_a_successor_is_one_that_the_actor_sees_and_not_the_thing_itself(team):
    actor = make.make_person("", Role.REGISTRAR, team=team)
    mine, foreign = make.make_model(team=team), make.make_model()
    with pytest.raises(Refused) as refusal:
        retire(mine, foreign, actor=actor)
    assert codes(refusal) == ["NOT_FOUND"]
    assert foreign.slug not in str(refusal.value)
    with pytest.raises(Refused) as refusal:
        transitions.retire(
            RegisteredModel, mine.pk, successor=2**40, actor=actor, reason="It ends."
        )
    assert codes(refusal) == ["NOT_FOUND"]
    with pytest.raises(Refused) as refusal:
        retire(mine, mine, actor=actor)
    assert codes(refusal) == ["SUCCESSOR"]


def test_successors_are_followed_to_the_end_and_never_lead_back(team):
    one, two, three, four = (make.make_model(f"heron-{n}", team=team) for n in "1234")
    retire(one, two)
    retire(two, three)
    assert lifecycle.standing_of(one).successor == "heron-3"
    retire(three, four)
    assert lifecycle.standing_of(one).successor == "heron-4"
    with pytest.raises(Refused) as refusal:
        retire(four, two)
    assert codes(refusal) == ["SUCCESSOR_CIRCLE"]
    assert "heron-4 → heron-2 → heron-3 → heron-4" in str(refusal.value)
    retire(four)
    found = lifecycle.standing_of(one)
    assert found.instead == "heron-4 succeeds it and is retired too: take another one."
    # A thing that is in a chain may get another successor, out of it.
    five = make.make_model("heron-5", team=team)
    retire(two, five)
    assert lifecycle.standing_of(one).successor == "heron-5"


def test_a_circle_through_what_was_reinstated_is_none(team):
    one, two = make.make_model(team=team), make.make_model(team=team)
    retire(one, two)
    reinstate(one)
    retire(two, one)
    assert lifecycle.standing_of(two).successor == one.slug


@pytest.mark.parametrize(
    ("make_part", "whole"),
    [
        (lambda team: make.make_model_version(team=team), "model"),
        (lambda team: make.make_prompt_version(make.make_prompt(team=team)), "template"),
        (lambda team: make.make_dataset_version(team=team), "dataset"),
        (lambda team: make.make_tool_scope(), "tool"),
    ],
)
def test_what_is_retired_as_a_whole_is_retired_in_its_parts(team, make_part, whole):
    part = make_part(team)
    deprecate(getattr(part, whole))
    found = lifecycle.standing_of(part)
    assert (found.state, str(getattr(part, whole)) in found.through) == ("deprecated", True)
    if type(part) in SUBJECTS:
        retire(part)
        assert (lifecycle.standing_of(part).state, lifecycle.standing_of(part).through) == (
            "retired",
            "",
        )


# Drafts and seals


def refused_names(save) -> str:
    with pytest.raises(Refused) as refusal:
        save()
    assert codes(refusal) == ["RETIRED"]
    return str(refusal.value)


def test_nothing_new_names_what_is_retired_and_the_refusal_names_the_successor(team):
    old, new = (make.make_model_version(team=team, sealed=True) for _ in range(2))
    prompt, scope = make.make_prompt(team=team), make.make_tool_scope()
    text = make.make_prompt_version(prompt)
    data, case = make.make_dataset_version(team=team), make.make_use_case(team=team)
    for row, successor in [(old, new), (text, None), (scope.tool, None), (data.dataset, None)]:
        retire(row, successor)
    base = {"version": "9", "model": new.model, "base_version": old}
    said = refused_names(lambda: make.make_model_version(**base))
    assert f"The model version {old} is retired. Take {new} instead." in said
    fresh = {"use_case": case, "sealed": False}
    assert str(new) in refused_names(lambda: make.make_release(version=old, **fresh))
    refused_names(lambda: make.make_release(version=new, prompts=[text], **fresh))
    refused_names(lambda: make.make_release(version=new, grants=[(scope, "none")], **fresh))
    refused_names(lambda: make.make_model_version(model=new.model, datasets=[(data, "training")]))
    refused_names(lambda: make.make_endpoint(version=old))
    retire(case)
    refused_names(lambda: make.make_release(version=new, **fresh))
    retire(prompt)
    refused_names(lambda: make.make_prompt_version(prompt))


def test_a_draft_keeps_what_it_named_before_and_is_not_sealed_with_it(team):
    release = make.make_release(team=team, sealed=False)
    text = release.prompt_links.get().prompt_version
    retire(text)
    # What it names already may stay while something else is mended.
    make.save(
        Release,
        {"notes": "Mended."},
        {ReleasePrompt: [{"prompt_version": text}], ToolGrant: []},
        pk=release.pk,
    )
    with pytest.raises(Refused) as refusal:
        transitions.seal_release(release.pk, actor=make.registrar(), reason=make.WHY)
    assert codes(refusal) == ["RETIRED"]
    reinstate(text)
    transitions.seal_release(release.pk, actor=make.registrar(), reason=make.WHY)


def test_a_version_is_not_sealed_on_a_retired_base_or_dataset(team):
    base = make.make_model_version(team=team, sealed=True)
    data = make.make_dataset_version(team=team)
    version = make.make_model_version(
        model=base.model, base_version=base, datasets=[(data, "training")]
    )
    retire(base)
    retire(data)
    with pytest.raises(Refused) as refusal:
        transitions.seal_version(version.pk, actor=make.registrar(), reason=make.WHY)
    assert codes(refusal) == ["RETIRED", "RETIRED"]


def test_what_is_deprecated_is_named_with_a_warning(client, rhea, team):
    version, data = make.make_model_version(team=team), make.make_dataset_version(team=team)
    deprecate(version)
    deprecate(data.dataset)
    values = {
        "dataset": data.dataset_id,
        "version": "2",
        "classification": "internal",
        "jurisdiction": "EU",
        "reason": make.WHY,
    }
    answer = client.post("/registry/datasetversion/add/", values, follow=True)
    assert f"The dataset {data.dataset} is deprecated." in answer.text
    release = make.make_release(team=team, version=version, sealed=False)
    transitions.seal_release(release.pk, actor=rhea, reason=make.WHY)


# What is approved goes on; what is shown


def pages_of(row) -> list[str]:
    pages = [f"/registry/{row._meta.model_name}/{row.pk}/change/"]
    if hasattr(row, "get_absolute_url"):
        pages.append(row.get_absolute_url())
    return pages


@pytest.mark.parametrize("label", LABELS)
def test_its_pages_say_so_with_reason_author_and_successor(client, rhea, label, team):
    row, other = make_one(label, team), make_one(label, team)
    retire(row, other)
    for address in pages_of(row):
        page = client.get(address)
        assert page.status_code == 200
        noun = row._meta.verbose_name
        assert f"This {noun} is retired." in page.text, address
        for said in ("Its maker ends it.", "rhea", str(other), "Reinstate…"):
            assert said in page.text, (address, said)
    history = client.get(f"/registry/{row._meta.model_name}/{row.pk}/history/")
    assert f"{noun.capitalize()} retired" in history.text
    reinstate(row)
    for address in pages_of(row):
        assert f"This {noun} is retired." not in client.get(address).text


@pytest.mark.parametrize("label", LABELS)
def test_the_list_is_filtered_by_it_and_says_it(client, rhea, label, team):
    used, old, gone = (make_one(label, team) for _ in range(3))
    deprecate(old)
    retire(gone)
    listed = f"/registry/{used._meta.model_name}/"
    for state, rows in (("in_use", [used]), ("deprecated", [old]), ("retired", [gone])):
        page = client.get(f"{listed}?standing={state}")
        found = {row.pk for row in page.context_data["cl"].result_list}
        assert found & {used.pk, old.pk, gone.pk} == {row.pk for row in rows}, state
    assert client.get(f"{listed}?standing=nonsense").status_code == 200
    text = client.get(listed).text
    assert "Deprecated" in text and "Retired" in text


def test_menus_do_not_offer_what_is_retired_but_for_what_is_set(client, rhea, team):
    old, new = (make.make_model_version(team=team, sealed=True) for _ in range(2))
    release = make.make_release(team=team, version=old, sealed=False)
    text = release.prompt_links.get().prompt_version
    retire(old)
    retire(text)
    menu = client.get("/registry/release/add/").context_data["adminform"].form["model_version"]
    assert new in menu.field.queryset and old not in menu.field.queryset
    page = client.get(f"/registry/release/{release.pk}/change/")
    assert old in page.context_data["adminform"].form["model_version"].field.queryset
    (prompts, *_) = page.context_data["inline_admin_formsets"]
    set_now, *fresh = prompts.formset.forms
    assert str(text) in str(set_now["prompt_version"])
    assert all(str(text) not in str(one["prompt_version"]) for one in fresh)


def test_the_page_that_retires_asks_for_which_successor_and_reason(client, rhea, team):
    prompt, other = make.make_prompt(team=team), make.make_prompt(team=team)
    page = f"/registry/prompttemplate/{prompt.pk}/retire/"
    shown = client.get(page)
    assert shown.status_code == 200
    assert other in shown.context_data["form"]["successor"].field.queryset
    assert prompt not in shown.context_data["form"]["successor"].field.queryset
    assert client.post(page, {"reason": "It ends."}).status_code == 422
    assert Retirement.objects.count() == 0
    answer = client.post(page, {"state": "retired", "successor": other.pk, "reason": "It ends."})
    assert answer.status_code == 302
    assert lifecycle.standing_of(prompt).successor == other.slug
    again = client.post(page, {"state": "retired", "successor": other.pk, "reason": "Again."})
    assert again.status_code == 422
    assert "is retired already" in again.text
    back = client.post(f"/registry/prompttemplate/{prompt.pk}/reinstate/", {"reason": "Back."})
    assert back.status_code == 302
    assert lifecycle.standing_of(prompt).in_use


def test_a_sealed_release_that_rests_on_it_says_so(client, rhea, team):
    release = make.make_release(team=team)
    version, text = release.model_version, release.prompt_links.get().prompt_version
    retire(version)
    deprecate(text.template)
    page = client.get(release.get_absolute_url())
    assert "Rests on what is deprecated or retired" in page.text
    assert [one.field for one in page.context_data["rests"]] == ["model_version", "prompt_version"]


def test_the_sum_of_subjects_is_every_noun_that_says_how_it_stands():
    for noun in SUBJECTS:
        assert lifecycle.has_standing(noun)
    assert set(SUBJECTS) >= {Dataset, ModelVersion, PromptTemplate, PromptVersion, Tool, UseCase}
    assert ServingEndpoint in SUBJECTS
