"""Search: what is asked, what is found, what stays hidden, and how much it costs."""

import pytest
from django.contrib import admin
from django.db import connection
from django.test.utils import CaptureQueriesContext

from audit import Refused
from audit.admin import lists
from registry import search, search_places, search_words
from registry.models import SearchedNoun, SearchWord
from registry.roles import Role
from tests import make
from tests.api.reading import assert_problem, reader
from tests.gates.stories import story


@pytest.mark.parametrize(
    ("text", "words", "digest"),
    [
        ("", (), ""),
        ("x", (), ""),
        ("  claims   triage ", ("claims", "triage"), ""),
        ("sha256:9f", (), "sha256:9f"),
        ("SHA256:9F2C41", (), "sha256:9f2c41"),
        ("sha256:9f2c41…b07e", (), "sha256:9f2c41"),
        ("9f2c41…b07e", ("9f2c41",), "sha256:9f2c41"),
        ("decade", ("decade",), "sha256:decade"),
        ("cafe", ("cafe",), ""),
        ("a\x00b\x07", ("a", "b"), ""),
        (" ".join("abcdefghijkl"), tuple("abcdefgh"), ""),
        ("y" * 300, ("y" * 40,), ""),
        ("gpt-4.1 GPT", ("gpt", "4", "1"), ""),
        ("h heron her 7 70b", ("heron", "70b"), ""),
        ("ＳＴＲＡẞＥ", ("strasse",), ""),
        ("%% '; --", (), ""),
    ],
)
def test_a_question_is_words_or_the_head_of_a_digest(text, words, digest):
    asked = search.read(text)
    assert (asked.words, asked.digest) == (words, digest)


def found(reader, text) -> dict[str, list]:
    groups = search.found(reader, search.read(text))
    return {group.source.noun._meta.label_lower: group.rows for group in groups}


@pytest.fixture
def told(db):
    told = story()
    told.give("data_boundary")
    told.ask(submit=False)
    return told


def test_each_noun_is_found_by_what_it_is_called(told):
    reader = make.registrar()
    release, version = told.release, told.release.model_version
    prompt = release.prompt_links.get().prompt_version
    dataset = version.dataset_links.get().dataset_version
    tool = make.make_tool_scope("crm").tool
    item = told.release.evidence.get()
    policy = make.make_policy(make.make_pack("falcon-baseline"), retention_days=90)
    suite = make.make_suite_version().suite
    for row, text in [
        (told.use_case, told.use_case.name),
        (release, told.use_case.slug.upper()),
        (version.model, version.model.slug),
        (version, f"{version.model.slug} {version.identifier}"),
        (told.endpoint, told.endpoint.address),
        (prompt.template, prompt.template.name),
        (prompt, prompt.text[7:]),
        (dataset.dataset, dataset.dataset.slug),
        (dataset, dataset.dataset.name),
        (tool, "CRM"),
        (version.maker, version.maker.slug),
        (told.environment, told.environment.slug),
        (item, item.title),
        (policy.pack, "falcon base"),
        (policy, policy.pack.name),
        (suite, suite.name),
        (told.promotion, f"{told.use_case.slug} {told.environment.slug}"),
    ]:
        assert row in found(reader, text)[row._meta.label_lower], text


def test_digests_are_found_by_their_head_and_by_nothing_else(told):
    reader, digest = make.registrar(), told.release.digest
    for text in (digest, digest[:14], digest[7:13], f"{digest[:13]}…{digest[-4:]}"):
        assert found(reader, text)["registry.release"] == [told.release], text
    assert "registry.release" not in found(reader, f"sha256:{digest[-20:]}")
    assert found(reader, told.endpoint.digest)["registry.servingendpoint"] == [told.endpoint]
    policy = make.make_policy(make.make_pack(), retention_days=90)
    assert found(reader, policy.digest[:14]) == {"registry.policyversion": [policy]}


def test_signs_are_no_words(told):
    for text in ("%%", "__", "\\\\", "'; --"):
        assert found(make.registrar(), text) == {}
    name = told.use_case.name
    assert found(make.registrar(), f"%{name}_") == found(make.registrar(), name)


def test_a_word_is_found_by_its_beginning_alone(db):
    model = make.make_model("falcon-4o", name="Übermittler")
    reader = make.registrar()
    for text in ("falcon 4", "FALC", "4o", "über", "Übermittler"):
        assert found(reader, text) == {"registry.registeredmodel": [model]}, text
    for text in ("alcon", "falconer", "falcon 5", "mittler"):
        assert found(reader, text) == {}, text


@pytest.mark.parametrize(("rare", "gathered"), [(500, 0), (0, 20_000), (0, 0), (3, 5), (0, 7)])
def test_rare_words_and_common_ones_are_found_alike(db, monkeypatch, rare, gathered):
    monkeypatch.setattr(search_places, "RARE", rare)
    monkeypatch.setattr(search_places, "GATHERED", gathered)
    team, reader = make.make_team(), make.registrar()
    rows = [make.make_use_case(f"falcon-{number}", team=team) for number in range(7)]
    odd = make.make_use_case("falcon-odd", team=team, purpose="Seldom asked.")
    assert found(reader, "falcon")["registry.usecase"] == [odd, *rows[:2:-1]]
    assert found(reader, "falcon seldom") == {"registry.usecase": [odd]}
    assert found(reader, "falcon 3") == {"registry.usecase": [rows[3]]}
    assert found(reader, "falcon missing") == {}
    assert found(reader, "f falcon fal")["registry.usecase"] == [odd, *rows[:2:-1]]
    stranger = make.make_person("", Role.REGISTRAR, team=make.make_team())
    assert found(stranger, "falcon") == {}


def test_what_a_row_is_found_by_follows_every_change(told):
    reader, model = make.registrar(), told.release.model_version.model
    make.save(type(model), {"name": "Grand Falcon"}, pk=model.pk)
    use_case = told.use_case
    make.save(type(use_case), {"name": "Peregrine"}, pk=use_case.pk)
    assert set(found(reader, "grand falcon")) == {
        "registry.registeredmodel",
        "registry.modelversion",
    }
    assert found(reader, "peregrine")["registry.release"] == [told.release]
    make.save(type(model), {"name": "Plain"}, pk=model.pk)
    assert found(reader, "grand falcon") == {}


def test_a_refused_change_leaves_no_word(db):
    words = SearchWord.objects.count()
    with pytest.raises(Refused):
        make.make_use_case("falcon", risk_tier="none")
    assert SearchWord.objects.count() == words


def test_words_made_anew_are_the_words_that_were_kept(told):
    kept = set(SearchWord.objects.values_list("noun", "key", "word"))
    assert {noun for noun, _, _ in kept} >= {"registry.release", "evidence.evidenceitem"}
    SearchWord.objects.all().delete()
    search_words.catch_up()
    assert not SearchWord.objects.exists()  # nothing says that they are other ones
    SearchedNoun.objects.update(made_of="slug")
    search_words.catch_up()
    assert set(SearchWord.objects.values_list("noun", "key", "word")) == kept


def test_a_stranger_finds_no_row_of_another_team(client, told):
    stranger = make.make_person("", Role.REGISTRAR, team=make.make_team())
    idle = make.make_person()
    for text in (told.use_case.slug, told.release.digest, told.release.model_version.model.slug):
        assert set(found(stranger, text)) == set()
        assert found(idle, text) == {}
        client.force_login(stranger)
        page = client.get("/search/", {"q": text})
        assert "Nothing that you may see answers this." in page.text
        assert told.release.get_absolute_url() not in page.text


def test_the_api_finds_what_the_page_finds(client, told):
    member = make.make_person("mia", Role.VIEWER, team=told.use_case.team)
    client.force_login(member)
    release = told.release
    for text in (told.use_case.slug, release.digest[:14]):
        page, answer = (
            client.get("/search/", {"q": text}),
            reader(person=member).get("search/", q=text),
        )
        groups = answer.json()["groups"]
        assert groups and [one["noun"] for one in groups] == [
            one["noun"] for one in page.context_data["groups"]
        ]
        for row in (row for group in groups for row in group["results"]):
            assert f'href="{row["page"]}"' in page.text
    (found,) = next(one["results"] for one in groups if one["noun"] == "release")
    assert (found["id"], found["name"], found["digest"], found["state"]) == (
        str(release.pk),
        str(release),
        release.digest,
        "in_use",
    )
    stranger = reader("viewer", team=make.make_team())
    assert stranger.get("search/", q=release.digest).json()["groups"] == []


@pytest.mark.parametrize("asked", [{}, {"q": "x"}, {"q": "%%"}, {"q": "y" * 201}])
def test_what_is_no_question_is_refused_by_name(db, asked):
    assert_problem(reader().get("search/", **asked), 400, "q")


def test_the_page_says_what_it_found_and_where_the_rest_is(client, db):
    client.force_login(make.registrar())
    team = make.make_team()
    for number in range(7):
        make.make_use_case(f"falcon-{number}", team=team)
    page = client.get("/search/", {"q": "falcon"})
    assert page.text.count("/registry/usecase/") >= 5
    assert 'href="/registry/usecase/?q=falcon">2 more</a>' in page.text
    assert "7 found" in page.text
    listed = client.get("/registry/usecase/?q=falcon")
    assert listed.context_data["cl"].result_count == 7
    last = client.get("/registry/usecase/?q=falcon&o=-1")
    assert next(iter(last.context_data["cl"].result_list)).slug == "falcon-6"


def test_more_than_is_counted_is_said_so(client, db, monkeypatch):
    monkeypatch.setattr(search, "COUNTED", 6)
    client.force_login(make.registrar())
    team = make.make_team()
    for number in range(8):
        make.make_use_case(f"falcon-{number}", team=team)
    page = client.get("/search/", {"q": "falcon"})
    assert "More than 1 more" in page.text
    assert "more than 6" in page.text


def test_a_list_looks_for_its_rows_once_and_no_further_than_it_counts(client, db, monkeypatch):
    monkeypatch.setattr(lists, "COUNTED", 4)
    monkeypatch.setattr(search_places, "RARE", 0)
    client.force_login(make.registrar())
    team = make.make_team()
    for number in range(7):
        make.make_use_case(f"falcon-{number}", team=team)
    with CaptureQueriesContext(connection) as queries:
        page = client.get("/registry/usecase/?q=falcon&o=-1")
    looked = [query for query in queries if '"registry_searchword" U0' in query["sql"]]
    assert len(looked) == 1
    shown = page.context_data["cl"]
    assert (shown.result_count, shown.paginator.beyond) == (4, True)
    assert [row.slug for row in shown.result_list][:4] == [f"falcon-{n}" for n in (6, 5, 4, 3)]


def test_lists_find_all_that_the_page_counts(db):
    """“2 more” leads to a list; its own search reads at least the same columns."""
    for source in search.sources:
        if source.listed:
            continue  # a list of its own, which asks the same index for the same columns
        fields = set(admin.site.get_model_admin(source.noun).search_fields)
        assert fields >= {*source.words, *([source.digest] if source.digest else [])}, source.noun


def test_the_page_without_a_question_says_what_can_be_asked(client, db):
    client.force_login(make.registrar())
    assert "Every word has to be found." in client.get("/search/").text
    assert "That is too short to look for." in client.get("/search/", {"q": "x"}).text
    hostile = client.get("/search/", {"q": "<script>alert(1)</script>"})
    assert "<script>alert" not in hostile.text


def test_every_page_has_the_box_and_visitors_have_none(client, db):
    assert 'action="/search/"' not in client.get("/login/").text
    client.force_login(make.registrar())
    assert 'action="/search/"' in client.get("/registry/release/").text


def test_a_query_for_each_word_and_two_for_each_noun_that_has_them(told):
    reader = make.registrar()
    assert reader.grants  # asked once for each request, whatever it is about
    for text in ("e" * 2, told.use_case.slug, "a e i o u m n s"):
        asked = search.read(text)
        with CaptureQueriesContext(connection) as queries:
            groups = search.found(reader, asked)
            for group in groups:
                for row in group.rows:
                    assert str(row) and group.source.note(row) is not None
        assert len(queries) <= len(asked.words) + 1 + 2 * len(search.sources), text
