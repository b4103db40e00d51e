"""The nouns' own pages: the first line is the answer, every gap leads to where it is filled."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from registry import transitions
from registry.models import Release
from registry.roles import Role
from tests import make

pytestmark = pytest.mark.django_db


@pytest.fixture
def team():
    return make.make_team("claims", contact="#claims")


@pytest.fixture
def rhea(client):
    person = make.registrar()
    client.force_login(person)
    return person


def pages_of(team) -> list[str]:
    release = make.make_release(team=team)
    version = release.model_version
    prompt = release.prompt_links.get().prompt_version
    return [row.get_absolute_url() for row in (version.model, version, prompt, release)]


def test_a_team_reads_its_pages_and_a_stranger_finds_nothing(client, team):
    pages = [*pages_of(team), make.make_environment().get_absolute_url()]
    people = {
        "viewer of the team": (make.make_person("", Role.VIEWER, team=team), 200),
        "auditor of all": (make.make_person("", Role.AUDITOR), 200),
        "registrar elsewhere": (make.make_person("", Role.REGISTRAR, team=make.make_team()), 404),
        "nobody in particular": (make.make_person(), 404),
    }
    for who, (person, expected) in people.items():
        client.force_login(person)
        for page in pages:
            # An environment belongs to everybody who has a role.
            common = page.startswith("/environments/") and person.grants
            assert client.get(page).status_code == (200 if common else expected), (who, page)


def test_visitors_are_sent_to_sign_in(client, team):
    for page in pages_of(team):
        answer = client.get(page)
        assert (answer.status_code, answer["Location"]) == (302, f"/login/?next={page}")


def test_pages_only_read(client, rhea, team):
    for page in pages_of(team):
        for method in (client.post, client.put, client.delete):
            assert method(page).status_code == 405


@pytest.mark.parametrize(
    "path",
    [
        "/models/none/",
        "/models/none/1/",
        "/prompts/none/1/",
        "/releases/none/1/",
        "/releases/none/99999999999999999999/",
        "/prompts/none/99999999999999999999/",
        "/environments/none/",
    ],
)
def test_what_is_not_there_is_404(client, rhea, path):
    assert client.get(path).status_code == 404


def test_a_version_with_gaps_says_so_and_each_gap_leads_to_an_open_form(client, rhea, team):
    model = make.make_model(team=team)
    version = make.make_model_version(
        model=model, identifier="", maker=None, licence="", context_window=None, card=""
    )
    page = client.get(version.get_absolute_url())
    assert "A draft with gaps." in page.text
    missing = [fact for part in page.context_data["checklist"] for fact in part["missing"]]
    codes = {fact.code for fact in missing}
    assert codes >= {"identifier", "maker", "licence", "context_window", "card", "region"}
    for fact in missing:
        assert fact.url in page.text
        assert client.get(fact.url).status_code == 200, fact
        assert 'name="_save"' in client.get(fact.url).text, fact


def test_a_draft_that_cannot_be_sealed_says_why_the_button_is_off(client, rhea, team):
    version = make.make_model_version(team=team, identifier="")
    page = client.get(version.get_absolute_url())
    assert f"/registry/modelversion/{version.pk}/seal/" not in page.text
    assert "has no identifier. Give the maker&#x27;s own name for it." in page.text
    answer = client.post(f"/registry/modelversion/{version.pk}/seal/", {"reason": "Done."})
    assert answer.status_code == 422
    version.refresh_from_db()
    assert version.sealed_at is None


def test_sealing_from_the_page_makes_the_digest_and_ends_editing(client, rhea, team):
    release = make.make_release(team=team, sealed=False)
    make.make_endpoint(version=release.model_version)
    page = client.get(release.get_absolute_url())
    assert "A draft: it cannot be promoted yet." in page.text
    url = f"/registry/release/{release.pk}/seal/"
    assert url in page.text
    assert (
        client.post(url, {"reason": "As it shall run."})["Location"] == release.get_absolute_url()
    )
    release.refresh_from_db()
    page = client.get(release.get_absolute_url())
    assert release.digest in page.text
    assert "Sealed, and everything is stated." in page.text
    assert url not in page.text
    assert f"/registry/release/{release.pk}/new-release/" in page.text


def test_a_sealed_release_goes_on_as_a_draft_of_the_next_number(client, rhea, team):
    release = make.make_release(team=team)
    answer = client.post(f"/registry/release/{release.pk}/new-release/", {"reason": "New prompt."})
    draft = Release.objects.get(derived_from=release)
    assert answer["Location"] == f"/registry/release/{draft.pk}/change/"
    assert (draft.number, draft.sealed_at) == (release.number + 1, None)
    assert "Made from" in client.get(draft.get_absolute_url()).text


def test_a_sealed_version_goes_on_under_a_new_name(client, rhea, team):
    version = make.make_model_version(team=team, sealed=True)
    url = f"/registry/modelversion/{version.pk}/new-version/"
    taken = client.post(url, {"version": version.version, "reason": "Tuned."})
    assert taken.status_code in (409, 422)
    assert "This model has a version of this name already." in taken.text
    client.post(url, {"version": "tuned-2", "reason": "Tuned."})
    draft = version.model.versions.get(version="tuned-2")
    assert (draft.identifier, draft.sealed_at) == (version.identifier, None)


def test_a_prompt_is_shown_as_it_was_written_and_nothing_in_it_runs(client, rhea, team):
    text = "Be kind.\n<script>alert(1)</script> {{ 7|add:7 }} {% now 'Y' %}"
    prompt = make.make_prompt_version(make.make_prompt(team=team), text=text)
    page = client.get(prompt.get_absolute_url())
    assert (
        "&lt;script&gt;alert(1)&lt;/script&gt; {{ 7|add:7 }} {% now &#x27;Y&#x27; %}" in page.text
    )
    assert "<script>alert" not in page.text


def test_an_older_prompt_version_points_to_the_newest(client, rhea, team):
    template = make.make_prompt(team=team)
    old, new = make.make_prompt_version(template), make.make_prompt_version(template)
    page = client.get(old.get_absolute_url())
    assert "There is a newer version." in page.text
    assert new.get_absolute_url() in page.text
    form = client.get(f"/registry/promptversion/add/?from={old.pk}").context_data["adminform"].form
    assert form.initial["text"] == old.text


def test_a_model_counts_the_use_cases_that_its_reader_may_not_see(client, team):
    secret = make.make_use_case("secret-purpose", name="Secret purpose", team=make.make_team())
    model = make.make_model(
        team=team, shared=True, uses=[{"use_case": secret, "stance": "intended"}]
    )
    client.force_login(make.make_person("", Role.VIEWER, team=make.make_team()))
    page = client.get(model.get_absolute_url())
    assert page.status_code == 200
    assert "ecret" not in page.text
    assert "And 1 that you may not see." in page.text
    # Its form shows no more than its page.
    assert "secret" not in client.get(f"/registry/registeredmodel/{model.pk}/change/").text


def test_the_card_of_a_version_is_on_its_page_without_its_script(client, rhea, team):
    card = "# What it is\n\n<script>alert(1)</script>\n\n[Paper](https://example.org/paper)"
    page = client.get(make.make_model_version(team=team, card=card).get_absolute_url())
    assert "<h3>What it is</h3>" in page.text
    assert "alert(1)" not in page.text


def test_an_endpoint_says_which_region_set_is_unknown(client, rhea, team):
    version = make.make_model_version(team=team)
    make.make_endpoint(version=version, regions={"processing": [make.make_region("eu-9")]})
    text = re.sub(r"<[^>]+>", "", client.get(version.get_absolute_url()).text)
    assert "processing: eu-9; storage: unknown" in text


def test_a_page_costs_the_same_however_much_hangs_on_it(client, rhea, team):
    release = make.make_release(team=team, sealed=False)
    version = release.model_version
    environment = make.make_environment()
    pages = [
        version.model.get_absolute_url(),
        version.get_absolute_url(),
        release.get_absolute_url(),
        release.prompt_links.get().prompt_version.get_absolute_url(),
        environment.get_absolute_url(),
    ]
    counts = []
    for number in (2, 10):
        prompts = list(release.prompt_links.values_list("prompt_version", flat=True))
        for _ in range(number):
            make.make_endpoint(version=version)
            made = make.make_release(use_case=release.use_case, version=version, sealed=False)
            prompts.append(made.prompt_links.get().prompt_version_id)
            make.make_model_version(model=version.model)
        scopes = [make.make_tool_scope() for _ in range(number)]
        transitions.save_row(
            Release,
            release.pk,
            values={},
            parts={
                make.ReleasePrompt: [{"prompt_version": pk} for pk in prompts],
                make.ToolGrant: [{"scope": scope, "authorization": "none"} for scope in scopes],
            },
            actor=rhea,
            reason="More of everything.",
        )
        cost = []
        for page in pages:
            client.get(page)
            with CaptureQueriesContext(connection) as queries:
                assert client.get(page).status_code == 200
            cost.append(len(queries))
        counts.append(cost)
    assert counts[0] == counts[1]
    assert max(counts[0]) < 60
