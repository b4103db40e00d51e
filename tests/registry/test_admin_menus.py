"""What forms and filters offer: nothing of another team, neither shown nor taken."""

import pytest
from django.apps import apps

from audit.models import Change
from registry.models import Team
from registry.roles import Role
from tests import make
from tests.nouns import OF_THE_REGISTRY, make_one

pytestmark = pytest.mark.django_db
HIDDEN = "hidden-from-you"


@pytest.fixture
def hidden() -> Team:
    """A team with one row of every noun, all of them named so that a leak shows."""
    team = make.make_team(f"{HIDDEN}-team")
    use_case = make.make_use_case(f"{HIDDEN}-purpose", team=team)
    model = make.make_model(f"{HIDDEN}-model", team=team)
    version = make.make_model_version(model=model, version=f"{HIDDEN}-v", identifier=HIDDEN)
    make.make_endpoint(f"{HIDDEN}-endpoint", version=version)
    dataset = make.save(make.Dataset, {"slug": f"{HIDDEN}-data", "name": HIDDEN, "team": team})
    make.save(
        make.DatasetVersion,
        {
            "dataset": dataset,
            "version": HIDDEN,
            "classification": "restricted",
            "jurisdiction": "EU",
        },
    )
    prompt = make.save(
        make.PromptTemplate,
        {"slug": f"{HIDDEN}-prompt", "name": HIDDEN, "team": team, "kind": "system"},
    )
    text = make.make_prompt_version(prompt, text=HIDDEN)
    make.make_release(use_case=use_case, version=version, prompts=[text], notes=HIDDEN)
    return team


@pytest.fixture
def bob(client, hidden):
    """A registrar of another team, with rows of their own so that every form is there."""
    team = make.make_team("bobs")
    for label in OF_THE_REGISTRY:
        make_one(label, team)
    person = make.make_person("bob", Role.REGISTRAR, team=team)
    client.force_login(person)
    return person


@pytest.mark.parametrize("page", ["", "add/", "?q=hidden"])
def test_no_list_form_or_filter_names_a_row_of_another_team(client, bob, page):
    shown = {label: client.get(f"/{label.replace('.', '/')}/{page}") for label in OF_THE_REGISTRY}
    statuses = {label: answer.status_code for label, answer in shown.items()}
    assert set(statuses.values()) <= {200, 403}
    assert list(statuses.values()).count(200) >= 10
    leaks = [label for label, answer in shown.items() if f"{HIDDEN}-" in answer.text]
    assert leaks == []


def test_no_change_page_names_a_row_of_another_team(client, bob):
    for label in OF_THE_REGISTRY:
        model = apps.get_model(label)
        row = model.objects.visible_to(bob).last()
        if row is None:
            continue
        for page in ("change", "history"):
            answer = client.get(f"/{label.replace('.', '/')}/{row.pk}/{page}/")
            assert answer.status_code == 200
            assert f"{HIDDEN}-" not in answer.text, (label, page)


def test_a_filter_value_of_another_team_shows_nothing(client, bob, hidden):
    page = client.get(f"/registry/usecase/?team__id__exact={hidden.pk}")
    assert HIDDEN not in page.text
    assert {row.team for row in page.context_data["cl"].result_list} <= {
        Team.objects.get(slug="bobs")
    }


def test_a_filter_cannot_be_used_to_guess_at_hidden_fields(client, bob):
    answer = client.get("/registry/usecase/?team__contact__startswith=a")
    assert answer.status_code == 400


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("usecase", "team"),
        ("registeredmodel", "team"),
        ("registeredmodel", "on_call_team"),
        ("dataset", "team"),
        ("prompttemplate", "team"),
    ],
)
def test_a_foreign_team_that_is_posted_is_not_a_choice(client, bob, hidden, path, field):
    own = Team.objects.get(slug="bobs")
    values = {
        "slug": "mine",
        "name": "Mine",
        "purpose": "p",
        "kind": "user",
        "team": own.pk,
        "on_call_team": own.pk,
        "risk_tier": "minimal",
        "data_classification": "public",
        "reason": "Because.",
    }
    for prefix in ("uses", "score_demands"):
        values |= {f"{prefix}-TOTAL_FORMS": 0, f"{prefix}-INITIAL_FORMS": 0}
    before = Change.objects.count()
    answer = client.post(f"/registry/{path}/add/", {**values, field: hidden.pk})
    assert answer.status_code == 422
    assert list(answer.context_data["adminform"].form.errors) == [field]
    assert Change.objects.count() == before
    assert client.post(f"/registry/{path}/add/", values).status_code == 302


def test_a_foreign_row_posted_as_a_part_is_not_a_choice(client, bob, hidden):
    model = make.make_model(team=Team.objects.get(slug="bobs"))
    values = {
        "name": "Mine",
        "team": model.team_id,
        "on_call_team": model.team_id,
        "reason": "Because.",
        "uses-TOTAL_FORMS": 1,
        "uses-INITIAL_FORMS": 0,
        "uses-0-use_case": hidden.use_cases.get().pk,
        "uses-0-stance": "intended",
    }
    answer = client.post(f"/registry/registeredmodel/{model.pk}/change/", values)
    assert answer.status_code == 422
    assert model.uses.count() == 0


def test_menus_of_owners_offer_only_what_is_the_readers_to_register_for(client):
    registers, sees = make.make_team(), make.make_team("seen-only")
    person = make.make_person("", Role.REGISTRAR, team=registers)
    make.grant(person, Role.VIEWER, team=sees)
    client.force_login(person)
    menu = client.get("/registry/usecase/add/").context_data["adminform"].form.fields["team"]
    assert list(menu.queryset) == [registers]


def test_autocomplete_is_no_way_round(client, bob):
    answer = client.get(
        "/autocomplete/?app_label=registry&model_name=modelversion&field_name=model&term=hidden"
    )
    assert answer.json()["results"] == []
