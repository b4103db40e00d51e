"""Saving through the admin: one verb, one change, and refusals that lose nothing."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from audit.models import Change, Entry
from registry import transitions
from registry.models import (
    Environment,
    Objective,
    Region,
    Release,
    ScoreDemand,
    ServingEndpoint,
    Team,
    Tool,
    ToolGrant,
    ToolScope,
    UseCase,
)
from registry.roles import Role
from tests import make

pytestmark = pytest.mark.django_db
WHY = "The contract was signed."


@pytest.fixture
def ada(client):
    person = make.admin()
    client.force_login(person)
    return person


@pytest.fixture
def rhea(client):
    person = make.registrar()
    client.force_login(person)
    return person


def lines(prefix: str, *rows: dict, initial: int = 0) -> dict:
    """Return what a table of parts posts."""
    posted = {f"{prefix}-TOTAL_FORMS": len(rows), f"{prefix}-INITIAL_FORMS": initial}
    for place, row in enumerate(rows):
        posted |= {f"{prefix}-{place}-{name}": value for name, value in row.items()}
    return posted


def shown(client, url: str, name: str) -> str:
    """Return the value of a hidden field of the page at `url`."""
    return re.search(rf'name="{name}" value="([^"]*)"', client.get(url).text)[1]


def test_a_row_and_its_parts_are_one_change_with_the_reason(client, ada):
    regions = [make.make_region(), make.make_region()]
    before = Change.objects.count()
    answer = client.post(
        "/registry/environment/add/",
        {
            "slug": "eu-live",
            "name": "EU live",
            "stage": "production",
            "jurisdiction": "EU",
            "regions": [region.pk for region in regions],
            "reason": WHY,
        },
    )
    assert (answer.status_code, answer["Location"]) == (302, "/environments/eu-live/")
    environment = Environment.objects.get(slug="eu-live")
    assert set(environment.region_links.values_list("region", flat=True)) == {
        region.pk for region in regions
    }
    change = Change.objects.latest("number")
    assert Change.objects.count() == before + 1
    assert (change.actor, change.reason) == (ada, WHY)
    assert change.entries.filter(row__startswith="registry.").count() == 3
    state = environment.history.get()
    assert (state.history_user, state.history_change_reason) == (ada, WHY)
    assert state.change_id == environment.change_id == change.pk


def test_inlines_add_keep_and_take_out_in_the_same_change(client, rhea):
    tool = make.make_tool_scope("mailbox", "read").tool
    scope = tool.scopes.get()
    url = f"/registry/tool/{tool.pk}/change/"
    kept = {"id": scope.pk, "tool": tool.pk, "name": "read", "description": "Reads mail."}
    values = {"name": "Mailbox", "reason": WHY}
    client.post(url, {**values, **lines("scopes", kept, {"name": "send"}, initial=1)})
    assert list(tool.scopes.values_list("name", "description")) == [
        ("read", "Reads mail."),
        ("send", ""),
    ]
    gone = {"id": scope.pk, "tool": tool.pk, "name": "read", "DELETE": "on"}
    before = Change.objects.count()
    answer = client.post(url, {**values, **lines("scopes", gone, initial=1)})
    assert answer.status_code == 302
    # "send" was not posted: what a form does not hold is not wanted.
    assert Tool.objects.get(pk=tool.pk).scopes.count() == 0
    assert Change.objects.count() == before + 1


def test_without_a_reason_nothing_is_saved_and_the_field_says_so(client, ada):
    before = Entry.objects.count()
    answer = client.post("/registry/team/add/", {"slug": "claims", "name": "Claims of old"})
    assert answer.status_code == 422
    assert "Give a reason; it becomes part of the record." in answer.text
    assert 'value="Claims of old"' in answer.text
    assert (Entry.objects.count(), Team.objects.count()) == (before, 0)


def test_a_refusal_of_the_verb_stands_at_its_field_and_keeps_what_was_entered(client, rhea):
    template = make.make_prompt()
    answer = client.post(
        "/registry/promptversion/add/",
        {
            "template": template.pk,
            "text": "Answer {{ name }} kindly.",
            "variables": "customer",
            "notes": "Kept in spite of it.",
            "reason": WHY,
        },
    )
    assert answer.status_code == 422
    form = answer.context_data["adminform"].form
    assert set(form.errors) == {"variables"}
    assert "Used but undeclared: name." in form.errors["variables"][0]
    assert "Answer {{ name }} kindly." in answer.text
    assert "Kept in spite of it." in answer.text
    assert template.versions.count() == 0


def test_a_conflict_answers_409_in_words(client, ada):
    grant = make.grant(make.make_person("bo"), Role.VIEWER)
    answer = client.post(
        "/registry/rolegrant/add/",
        {"person": grant.person_id, "role": "viewer", "team": "", "reason": WHY},
    )
    assert answer.status_code == 409
    assert "bo has this role for all teams already." in answer.text


def test_two_people_at_one_form_do_not_undo_each_other(client, ada):
    team = make.make_team("claims", name="Claims")
    url = f"/registry/team/{team.pk}/change/"
    seen = shown(client, url, "seen")
    values = {"name": "Claims and complaints", "contact": "", "seen": seen, "reason": WHY}
    transitions.save_row(
        Team, team.pk, values={"contact": "#claims"}, actor=make.admin(), reason=WHY
    )
    answer = client.post(url, values)
    assert answer.status_code == 409
    assert "Somebody changed this while you were writing." in answer.text
    assert "Claims and complaints" in answer.text
    team.refresh_from_db()
    assert (team.name, team.contact) == ("Claims", "#claims")
    # The page now knows what is there: saving again is a decision.
    again = re.search(r'name="seen" value="(\d+)"', answer.text)[1]
    assert client.post(url, {**values, "contact": "#claims", "seen": again}).status_code == 302
    team.refresh_from_db()
    assert (team.name, team.contact) == ("Claims and complaints", "#claims")


def test_parts_that_somebody_else_changed_count_as_a_change_of_the_row(client, rhea):
    use_case = make.make_use_case()
    metric = make.make_suite_version().metrics.get()
    url = f"/registry/usecase/{use_case.pk}/change/"
    seen = shown(client, url, "seen")
    demands = [{"metric": metric, "threshold": "0.9"}]
    make.save(UseCase, {}, {ScoreDemand: demands}, pk=use_case.pk)
    answer = client.post(
        url,
        {
            "name": "Another name",
            "purpose": "p",
            "team": use_case.team_id,
            "risk_tier": "minimal",
            "data_classification": "internal",
            "seen": seen,
            "reason": WHY,
            **lines("score_demands"),
        },
    )
    assert answer.status_code == 409
    assert use_case.score_demands.count() == 1


def test_a_sealed_row_is_shown_without_buttons_and_refuses_a_post(client, rhea):
    release = make.make_release()
    url = f"/registry/release/{release.pk}/change/"
    page = client.get(url)
    assert page.status_code == 200
    assert 'name="_save"' not in page.text
    assert 'name="reason"' not in page.text
    assert "never changes again" in page.text
    before = Change.objects.count()
    answer = client.post(url, {"notes": "Slipped in.", "reason": WHY})
    assert answer.status_code == 403
    assert "never changes again" in answer.text
    assert Change.objects.count() == before
    assert Release.objects.get(pk=release.pk).notes == ""


def test_a_child_cannot_be_slipped_into_a_sealed_release(client, rhea):
    release = make.make_release()
    count = release.objectives.count()
    posted = lines("objectives", {"metric": "a", "objective": "b", "window": "c"})
    client.post(f"/registry/release/{release.pk}/change/", {**posted, "reason": WHY})
    assert Objective.objects.filter(release=release).count() == count


def test_who_may_only_read_is_told_why_and_cannot_post(client):
    team = make.make_team()
    client.force_login(make.make_person("", Role.VIEWER, team=team))
    url = f"/registry/team/{team.pk}/change/"
    page = client.get(url)
    assert page.status_code == 200
    assert "This takes the role administrator." in page.text
    assert 'name="_save"' not in page.text
    answer = client.post(url, {"name": "Mine", "reason": WHY})
    assert answer.status_code == 403
    assert "This takes the role administrator." in answer.text
    assert client.get("/registry/team/add/").status_code == 403


def test_a_choice_that_somebody_else_made_survives_an_edit(client):
    """A menu offers what its reader may see; what is set already is offered too."""
    mine, theirs = make.make_team(), make.make_team("hidden-away")
    model = make.make_model(team=mine, on_call_team=theirs)
    client.force_login(make.make_person("", Role.REGISTRAR, team=mine))
    answer = client.post(
        f"/registry/registeredmodel/{model.pk}/change/",
        {
            "name": "Renamed",
            "description": "",
            "team": mine.pk,
            "on_call_team": theirs.pk,
            "reason": WHY,
            **lines("uses"),
        },
    )
    assert answer.status_code == 302, answer.context_data["errors"]
    model.refresh_from_db()
    assert (model.name, model.on_call_team) == ("Renamed", theirs)


def test_words_are_typed_with_commas_and_kept_as_a_list(client, ada):
    client.post(
        "/registry/region/add/",
        {
            "slug": "eu-central-1",
            "name": "Frankfurt",
            "country": "DE",
            "jurisdictions": "EU, DE\n DE ,",
            "reason": WHY,
        },
    )
    page = client.get("/registry/region/")
    assert "EU, DE" in page.text
    assert Region.objects.get().jurisdictions == ["EU", "DE"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('{"a": 1, "a": 2}', "A key stands twice"),
        ('{"a": NaN}', "NaN"),
        ("{", "This is not JSON that can be kept"),
        ("[1]", "Give a JSON object"),
        ("[" * 100_000, "This is not JSON that can be kept"),
    ],
)
def test_parameters_that_are_no_json_object_are_refused_at_their_field(
    client, rhea, text, sentence
):
    version = make.make_model_version()
    answer = client.post(
        "/registry/release/add/",
        {
            "use_case": make.make_use_case().pk,
            "model_version": version.pk,
            "parameters": text,
            "reason": WHY,
            **lines("prompt_links"),
            **lines("tool_grants"),
            **lines("objectives"),
        },
    )
    assert answer.status_code == 422
    errors = answer.context_data["adminform"].form.errors
    assert sentence in " ".join(errors["parameters"])
    assert Release.objects.count() == 0


def test_an_empty_box_of_parameters_means_none(client, rhea):
    client.post(
        "/registry/release/add/",
        {
            "use_case": make.make_use_case().pk,
            "model_version": make.make_model_version().pk,
            "parameters": "",
            "reason": WHY,
            **lines("prompt_links"),
            **lines("tool_grants"),
            **lines("objectives"),
        },
    )
    assert Release.objects.get().parameters == {}


def test_the_four_region_sets_of_an_endpoint_are_saved_and_shown(client, rhea):
    here, there = make.make_region("here-1"), make.make_region("there-1")
    version = make.make_model_version()
    values = {
        "slug": "heron-eu",
        "version": version.pk,
        "host": make.make_provider().pk,
        "team": version.model.team_id,
        "address": "https://heron.example.org",
        "latency_class": "standard",
        "cost_class": "low",
        "exposure": "not_exposed",
        "processing": [here.pk],
        "storage": [here.pk, there.pk],
        "reason": WHY,
    }
    assert client.post("/registry/servingendpoint/add/", values).status_code == 302
    endpoint = ServingEndpoint.objects.get(slug="heron-eu")
    links = set(endpoint.region_links.values_list("purpose", "region__slug"))
    assert links == {("processing", "here-1"), ("storage", "here-1"), ("storage", "there-1")}
    page = client.get(f"/registry/servingendpoint/{endpoint.pk}/change/")
    assert page.context_data["adminform"].form.initial["storage"] == [here.pk, there.pk]
    digest = endpoint.digest
    client.post(
        f"/registry/servingendpoint/{endpoint.pk}/change/",
        {**values, "telemetry": [there.pk]},
    )
    endpoint.refresh_from_db()
    assert endpoint.digest != digest
    assert endpoint.region_links.count() == 4


def test_history_shows_field_by_field_what_each_change_did(client, ada):
    team = make.make_team("claims", name="Claims")
    transitions.save_row(
        Team, team.pk, values={"name": "Claims EU"}, actor=ada, reason="They moved."
    )
    items = client.get(f"/registry/team/{team.pk}/history/").context_data["items"]
    newest, first = items
    assert (newest.change.reason, newest.change.actor_name) == ("They moved.", "ada")
    (event,) = newest.events
    assert (event.words, event.code) == ("Team changed", "team.changed")
    assert event.fields == [{"label": "Name", "before": "Claims", "after": "Claims EU"}]
    assert {field["label"] for field in first.events[0].fields} == {"Slug", "Name"}


def test_history_names_parts_and_hides_rows_the_reader_may_not_see(client):
    mine, theirs = make.make_team(), make.make_team()
    secret = make.make_use_case("secret-purpose", team=theirs)
    model = make.make_model(team=mine, uses=[{"use_case": secret, "stance": "disallowed"}])
    url = f"/registry/registeredmodel/{model.pk}/history/"
    client.force_login(make.registrar())
    assert "secret-purpose" in client.get(url).text
    client.force_login(make.make_person("", Role.VIEWER, team=mine))
    page = client.get(url)
    assert "secret-purpose" not in page.text
    assert "a use case that you may not see" in page.text


def test_history_pages_hold_and_cost_the_same_however_long_the_story(client, ada):
    team = make.make_team()
    url = f"/registry/team/{team.pk}/history/"
    counts = []
    for number in (3, 40):
        for place in range(number):
            values = {"contact": f"rota {number} {place}"}
            transitions.save_row(Team, team.pk, values=values, actor=ada, reason=WHY)
        client.get(url)
        with CaptureQueriesContext(connection) as queries:
            page = client.get(url)
        counts.append(len(queries))
    assert counts[0] == counts[1] < 20
    assert len(page.context_data["items"]) == 25
    oldest = client.get(f"{url}?p=2").context_data["items"][-1]
    assert oldest.events[0].code == "team.created"
    # The first change of a page is compared with the last one of the page before it.
    last = page.context_data["items"][-1].events[0].fields
    assert last[0]["before"].startswith("rota")


def test_a_form_with_many_parts_and_choices_costs_as_much_as_one_with_few(client, rhea):
    release = make.make_release(sealed=False)
    url = f"/registry/release/{release.pk}/change/"
    counts = []
    for number in (2, 12):
        for _ in range(number):
            make.make_prompt_version(make.make_prompt(team=release.use_case.team))
            make.make_tool_scope()
        scopes = ToolScope.objects.all()
        make.save(
            Release,
            {},
            {ToolGrant: [{"scope": scope, "authorization": "none"} for scope in scopes]},
            pk=release.pk,
        )
        client.get(url)
        with CaptureQueriesContext(connection) as queries:
            assert client.get(url).status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 41
