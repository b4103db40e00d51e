"""Packs kept in git: every problem with its line, then a plan, then drafts in one change."""

import json
from io import StringIO

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.test import Client
from playwright.sync_api import expect

from audit.models import Change, Head
from registry import policy_import, starter_packs
from registry.models import PolicyPack, PolicyUseCase, PolicyVersion
from registry.policy import read_pack, read_yaml
from registry.policy_import import Source
from registry.roles import Role
from tests import make

ADDRESS = "/policy/import/"
PACK = """\
pack:
  slug: wide
  name: Wide
  layer: organisation
notes: First.
clauses:
  review_months: {value: 12, why: Models change within a year.}
  retention_days: {value: 30, why: "<b>Enough</b> {{ here }}."}
"""
OTHER = PACK.replace("wide", "other").replace("Wide", "Other")


# What a document says of its pack


def said(text):
    read = read_yaml(text)
    assert not read.problems
    about, problems = read_pack(read.document, read.lines)
    return about, [str(one) for one in problems]


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("clauses: {}", ["Name the pack: under pack, its slug at least."]),
        ("pack: wide", ["Line 1: Name the pack: under pack, its slug at least."]),
        ("pack:\n  name: Wide", ["Line 1: Name the pack: give its slug."]),
        (
            "pack:\n  slug: a b",
            ["Line 2: slug: Give letters, digits, hyphens and underscores, 50 at most."],
        ),
        ("pack:\n  slug: x\n  colour: red", ["Line 3: pack: colour is not known here."]),
        (
            "pack:\n  slug: x\n  layer: galaxy",
            ["Line 3: layer: Give one of organisation, jurisdiction, domain, use_case."],
        ),
        (
            "pack:\n  slug: x\n  layer: jurisdiction",
            ["Line 3: A pack of a jurisdiction names it."],
        ),
        (
            "pack:\n  slug: x\n  layer: domain\n  jurisdiction: EU",
            ["Line 4: Only a pack of a jurisdiction names one."],
        ),
        ("pack:\n  slug: x\n  name: [a]", ["Line 3: name: Give a text."]),
        (
            f"pack:\n  slug: x\n  name: {'n' * 201}",
            ["Line 3: name: Give at most 200 characters."],
        ),
        ("pack:\n  slug: x\n  use_cases: a", ["Line 3: use_cases: Give a list of slugs."]),
        ("pack:\n  slug: x\n  use_cases: [[a]]", ["Line 3: use_cases: Give a list of slugs."]),
        ("notes: [a]\npack:\n  slug: x", ["Line 1: notes: Give a text."]),
        (
            "pack:\n  slug: x\n  layer: [domain]\n",
            ["Line 3: layer: Give one of organisation, jurisdiction, domain, use_case."],
        ),
    ],
)
def test_what_is_wrong_with_a_pack_is_told_with_its_line(text, problems):
    assert said(text)[1] == problems


def test_what_is_said_and_what_is_not_are_told_apart():
    about, problems = said("pack:\n  slug: x\n  description:\n  use_cases: [b, a, b]")
    assert not problems
    assert (about.name, about.description, about.use_cases) == (None, "", ("a", "b"))
    assert about.columns == {"description": ""}


# The command


@pytest.fixture
def paula(db):
    return make.author()


def run(*options):
    out = StringIO()
    call_command("import_policy", *map(str, options), "--as", "paula", stdout=out)
    return out.getvalue()


def head():
    row = Head.objects.get()
    return row.position, row.size


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "wide.yaml"
    path.write_text(PACK)
    return path


def test_the_plan_writes_nothing_and_says_all(paula, file):
    before = head()
    plan = json.loads(run(file, "--plan", "--json"))
    assert head() == before
    assert plan["counts"] == {"create": 2, "change": 0, "link": 0, "skip": 0, "conflict": 0}
    assert plan["sources"][0].startswith("wide.yaml (sha256:")
    assert plan["steps"][1]["details"]["changes"] == [
        "review_months added, 12: stricter",
        "retention_days added, 30: stricter",
    ]
    assert "This is the plan; nothing was written." in run(file, "--plan")
    assert not PolicyPack.objects.exists()


def test_it_comes_in_as_one_change_that_names_its_source_and_again_as_none(paula, file):
    before = head()
    said = run(file, "--reason", "From our repository.")
    assert "create   policy version: wide v1. A draft, which binds nobody." in said
    assert head()[0] == before[0] + 1
    reason = Change.objects.order_by("-number").first().reason
    assert reason.startswith("From our repository. [Import of policy wide.yaml (sha256:")
    draft = PolicyVersion.objects.get()
    assert draft.published_at is None and draft.notes == "First."
    assert draft.clauses["review_months"] == {"value": 12, "why": "Models change within a year."}
    after = head()
    assert "Nothing has changed; nothing was written." in run(file)
    assert head() == after


def test_a_draft_is_amended_and_a_published_version_gets_a_new_one(paula, file):
    run(file)
    file.write_text(PACK.replace("12", "6").replace("Wide", "Wider"))
    plan = json.loads(run(file, "--json"))
    assert [step["verb"] for step in plan["steps"]] == ["change", "change"]
    assert plan["steps"][0]["because"] == "It gets another name."
    assert plan["steps"][1]["details"]["changes"] == ["review_months 12 → 6: stricter"]
    draft = PolicyVersion.objects.get()
    assert (draft.number, draft.clauses["review_months"]["value"]) == (1, 6)
    make.transitions.publish_policy_version(draft.pk, actor=make.author("percy"), reason=make.WHY)
    before = head()
    assert "Nothing has changed" in run(file)
    file.write_text(file.read_text().replace("First.", "Other words, the same policy."))
    assert "Nothing has changed" in run(file)
    assert head() == before
    file.write_text(PACK.replace("12", "9"))
    assert "review_months 6 → 9: looser" in run(file)
    assert PolicyVersion.objects.get(number=2).published_at is None


def test_several_files_are_one_change_or_none(paula, file, tmp_path):
    second = tmp_path / "other.yaml"
    second.write_text(OTHER)
    before = head()
    run(file, second)
    assert head()[0] == before[0] + 1
    assert PolicyVersion.objects.count() == 2
    file.write_text(PACK.replace("12", "6"))
    second.write_text(OTHER.replace("30", "none"))
    before = head()
    with pytest.raises(CommandError, match=r"other\.yaml: Line 8: retention_days: Give a whole"):
        run(file, second)
    assert head() == before
    with pytest.raises(
        CommandError, match=r"wide\.yaml: Line 1: The pack wide stands in two files"
    ):
        run(file, file)


def test_every_problem_of_a_file_is_told_at_once(paula, file):
    file.write_text(
        PACK.replace("organisation", "domain\n  use_cases: [nobody]").replace(
            "  retention_days", "  cooking: {value: 1, why: w}\n  retention_days"
        )
    )
    with pytest.raises(CommandError) as error:
        run(file)
    assert str(error.value).splitlines() == [
        "Line 5: There is no use case nobody.",
        "Line 9: cooking: There is no such clause.",
    ]
    assert not PolicyPack.objects.exists()


def test_a_pack_keeps_its_layer_and_a_new_one_says_it(paula, file):
    make.make_pack("wide", layer="jurisdiction", jurisdiction="EU")
    with pytest.raises(CommandError, match="Line 4: The layer of wide is jurisdiction and never"):
        run(file)
    file.write_text("pack: {slug: fresh}\nclauses: {}\n")
    with pytest.raises(CommandError) as error:
        run(file)
    assert str(error.value).splitlines() == [
        "Line 1: The pack fresh is new. Give its name.",
        "Line 1: The pack fresh is new. Give its layer.",
    ]


def test_what_a_file_does_not_say_stays(paula, file):
    case = make.make_use_case("claims")
    pack = make.make_pack("wide", layer="domain", description="Kept.")
    make.make_policy(pack, use_cases=[case], review_months=12)
    file.write_text("pack: {slug: wide}\nclauses:\n  review_months: {value: 6, why: w}\n")
    run(file)
    draft = PolicyVersion.objects.get(number=2)
    assert draft.use_case_links.get().use_case == case
    pack.refresh_from_db()
    assert pack.description == "Kept."


def test_use_cases_that_a_file_adds_are_in_the_plan(paula, file):
    cases = [make.make_use_case("claims"), make.make_use_case("letters")]
    make.make_policy(make.make_pack("wide", layer="domain"), use_cases=cases[:1], review_months=6)
    file.write_text(
        "pack: {slug: wide, use_cases: [letters]}\n"
        "clauses:\n  review_months: {value: 6, why: Made for a test.}\n"
    )
    plan = json.loads(run(file, "--json"))
    assert plan["steps"][1]["details"] == {
        "changes": [
            "bound use case claims removed: looser",
            "bound use case letters added: stricter",
        ],
        "use_cases": ["letters"],
    }


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"\xff\xfe\x00", "is not UTF-8 text"),
        (b"a" * 70_000, "The document is over 64 KiB."),
        ("é".encode() * 40_000, "The document is over 64 KiB."),
        (b"pack: &a {slug: x}\nclauses: *a\n", "Line 2: Aliases are not read."),
        (b"pack: !!python/object:os.system x\n", "Line 1: Tags are not read."),
        (b"pack: {slug: x\n", "This is not YAML"),
        (b"pack: {slug: x}\nclauses: {a: {value: \x00}}\n", "Line 2: The character U.0000"),
        (b"", "The document is empty."),
    ],
)
def test_what_cannot_be_read_is_refused_in_words(paula, file, data, says):
    file.write_bytes(data)
    before = head()
    with pytest.raises(CommandError, match=says):
        run(file)
    assert head() == before


def test_whoever_may_not_write_policy_imports_nothing(db, file):
    make.make_person("paula", Role.REGISTRAR)
    with pytest.raises(CommandError, match="policy author for all teams"):
        run(file)
    with pytest.raises(CommandError, match="There is nobody named zoe"):
        call_command("import_policy", str(file), "--as", "zoe", stdout=StringIO())
    with pytest.raises(CommandError, match="cannot be read"):
        run(file.parent / "gone.yaml")
    with pytest.raises(CommandError, match="at most 50 files"):
        run(*[file] * 51)


@pytest.mark.parametrize("name", starter_packs.NAMES)
def test_a_starter_pack_that_names_what_is_here_comes_in(paula, name):
    text = (starter_packs.FOLDER / f"{name}.yaml").read_text()
    about, clauses = starter_packs.load(name)
    for slug in about.get("use_cases", ()):
        make.make_use_case(slug)
    regions = {
        slug
        for key, clause in clauses.items()
        if key.startswith("residency")
        for slug in clause["value"]
    }
    for slug in regions:
        make.make_region(slug)
    tools = {key.rpartition(".")[2] for key in clauses if key.startswith("tools.authorization.")}
    for slug in tools | set(clauses.get("tools", {}).get("value", {}).get("deny", ())):
        make.make_tool_scope(slug)
    plan = policy_import.carry_out([Source(f"{name}.yaml", text)], actor=paula, reason=make.WHY)
    assert [step.verb for step in plan.steps] == ["create", "create"]


def test_what_leaves_as_yaml_comes_back_as_it_was(paula, client):
    cases = [make.make_use_case("claims"), make.make_use_case("letters")]
    region, tool = make.make_region("eu-1"), make.make_tool_scope("crm").tool
    suite = make.make_suite_version({"name": "a.b", "unit": "%", "higher_is_better": False})
    pack = make.make_pack("wide", layer="domain", description="“Wide”: yes, #1.\n- and more")
    values = {
        "residency__processing": [region.slug],
        "data_classification__max": "internal",
        "tools": {"allow": [tool.slug, "mail"], "deny": ["mail"]},
        f"safety__{suite.suite.slug}__a.b__max": "0.05",
        "require__red_team": True,
        "review_months": 12,
    }
    make.make_tool_scope("mail")
    version = make.make_policy(pack, use_cases=cases, **values)
    client.force_login(paula)
    text = client.get(f"/policy/versions/{version.pk}/yaml/").content.decode()
    before = head()
    plan = policy_import.carry_out([Source("wide.yaml", text)], actor=paula, reason=make.WHY)
    assert not plan.writes and head() == before
    # And where nothing of it is yet, the same comes of it.
    again = text.replace("slug: wide", "slug: copy")
    policy_import.carry_out([Source("copy.yaml", again)], actor=paula, reason=make.WHY)
    copy = PolicyVersion.objects.get(pack__slug="copy")
    assert (copy.clauses, copy.notes) == (version.clauses, version.notes)
    assert (copy.pack.name, copy.pack.description) == (pack.name, pack.description)
    assert PolicyUseCase.objects.filter(version=copy).count() == 2
    exported = client.get(f"/policy/versions/{copy.pk}/yaml/").content.decode()
    assert exported == again


# The page


def post(client, **values):
    return client.post(ADDRESS, {"reason": "Ours from today.", **values})


def test_the_plan_is_shown_and_then_carried_out(client, paula):
    client.force_login(paula)
    before = head()
    shown = post(client, text=PACK)
    assert shown.status_code == 200 and head() == before
    assert "This is the plan; nothing is written yet." in shown.text
    assert "review_months added, 12: stricter" in shown.text
    plan = shown.context["form"]["plan"].value()
    done = post(client, text=PACK, plan=plan, **{"import": "1"})
    draft = PolicyVersion.objects.get()
    assert (done.status_code, done.url) == (302, f"/registry/policyversion/{draft.pk}/change/")
    assert "Import of policy pasted text (sha256:" in draft.history.first().history_change_reason
    again = post(client, text=PACK)
    assert "There is nothing to write." in again.text
    assert "Make the draft" not in again.text


def test_a_file_is_read_and_its_text_travels_on(client, paula):
    client.force_login(paula)
    upload = SimpleUploadedFile("ours.yaml", PACK.replace("\n", "\r\n").encode())
    shown = post(client, file=upload)
    assert shown.status_code == 200
    form = shown.context["form"]
    values = {name: form[name].value() for name in ("text", "name", "plan")}
    done = post(client, **values, **{"import": "1"})
    assert done.status_code == 302
    reason = PolicyVersion.objects.get().history.first().history_change_reason
    assert "[Import of policy ours.yaml (sha256:" in reason
    bad = post(client, file=SimpleUploadedFile("ours.yaml", b"\xff\xfe"))
    assert bad.status_code == 422 and "This is not UTF-8 text" in bad.text


def test_a_plan_that_is_another_by_now_is_shown_again(client, paula):
    client.force_login(paula)
    plan = post(client, text=PACK).context["form"]["plan"].value()
    make.make_pack("wide", name="Wide")
    again = post(client, text=PACK, plan=plan, **{"import": "1"})
    assert again.status_code == 409
    assert "The plan is another since it was shown." in again.text
    assert not PolicyVersion.objects.exists()
    unseen = post(client, text=PACK, **{"import": "1"})
    assert unseen.status_code == 409 and not PolicyVersion.objects.exists()


def test_a_fault_is_told_with_its_line_and_what_was_typed_is_kept(client, paula):
    client.force_login(paula)
    answer = post(client, text=PACK.replace("value: 12", "value: soon"))
    assert answer.status_code == 422
    assert "Line 7: review_months: Give a whole number of months" in answer.text
    assert "value: soon" in answer.text
    assert "&lt;b&gt;Enough&lt;/b&gt; {{ here }}" in answer.text and "<b>Enough" not in answer.text
    empty = post(client)
    assert empty.status_code == 422 and "Choose a file, or paste" in empty.text
    assert post(client, text="a\x00b").status_code == 422
    assert post(client, text="a: b: c").status_code == 422


def test_the_lists_lead_there_for_policy_authors_only(client, paula):
    for person, there in ((paula, True), (make.make_person("vic", Role.VIEWER), False)):
        client.force_login(person)
        for noun in ("policypack", "policyversion"):
            assert (f'href="{ADDRESS}"' in client.get(f"/registry/{noun}/").text) is there
        assert client.get(ADDRESS).status_code == (200 if there else 403)


@pytest.mark.django_db(transaction=True)
def test_a_pack_is_imported_in_a_browser(page, live_server, assert_accessible, tmp_path):
    path = tmp_path / "wide.yaml"
    path.write_text(PACK)
    client = Client()
    client.force_login(make.author())
    cookie = {"name": "sessionid", "value": client.cookies["sessionid"].value}
    page.context.add_cookies([{**cookie, "url": live_server.url}])
    page.goto(live_server.url + ADDRESS)
    assert_accessible()
    page.locator("#id_file").set_input_files(path)
    page.get_by_label("Reason").fill("Ours from today.")
    page.get_by_role("button", name="Show the plan").click()
    expect(page.locator("#answer")).to_be_focused()
    assert_accessible()
    page.set_viewport_size({"width": 360, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.get_by_role("button", name="Make the draft").click()
    expect(page.get_by_text("The draft is made.")).to_be_visible()
