"""Compare: what differs in words, texts word by word, and the page that shows both."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry import comparing, wording
from registry.models import PromptVersion
from registry.roles import Role
from tests import make
from tests.api.reading import assert_problem, reader


def told(before: dict, after: dict) -> list[str]:
    return [change.sentence for change in comparing.differences(before, after)]


def grant(tool, scope, authorization):
    return {"tool": tool, "scope": scope, "authorization": authorization}


def prompt(template, number, digest="", kind="system"):
    return {"template": template, "kind": kind, "number": number, "digest": digest}


_WINDOWS = ["context window 1,048,576 → 1.5M"]
CASES = [
    ({"context_window": 128_000}, {"context_window": 200_000}, ["context window 128k → 200k"]),
    ({"context_window": None}, {"context_window": 131_072}, ["context window added, 131,072"]),
    ({"output_limit": 4000}, {"output_limit": None}, ["output limit removed, 4k"]),
    (
        {"tool_grants": []},
        {"tool_grants": [grant("crm", "write", "human_approval")]},
        ["tool crm.write added, needs human approval"],
    ),
    (
        {"tool_grants": [grant("crm", "write", "human_approval")]},
        {"tool_grants": [grant("crm", "write", "none")]},
        ["tool crm.write needs human approval → needs no authorisation"],
    ),
    (
        {"tool_grants": [grant("crm", "read", "user_delegated")]},
        {"tool_grants": []},
        ["tool crm.read removed, acts for the signed-in user"],
    ),
    (
        {"prompts": [prompt("greeting", 1), prompt("rules", 4)]},
        {"prompts": [prompt("greeting", 2), prompt("rules", 4)]},
        ["prompt greeting v1 → v2"],
    ),
    ({"prompts": []}, {"prompts": [prompt("greeting", 2)]}, ["prompt greeting added, v2"]),
    (
        {"parameters": {"temperature": "0.2", "seed": 7}},
        {"parameters": {"temperature": "0.5", "top_p": "0.9"}},
        [
            "parameter seed removed, 7",
            "parameter temperature 0.2 → 0.5",
            "parameter top_p added, 0.9",
        ],
    ),
    (
        {"model_version": {"model": "heron", "version": "1", "digest": "a"}},
        {"model_version": {"model": "heron", "version": "2", "digest": "b"}},
        ["model version heron 1 → heron 2"],
    ),
    (
        {"capabilities": ["a"]},
        {"capabilities": ["b"]},
        ["capability a removed", "capability b added"],
    ),
    (
        {"no_retirement_announced": True, "retires_on": None},
        {"no_retirement_announced": False, "retires_on": "2027-01-31"},
        ["retirement removed, none announced", "retirement date added, 2027-01-31"],
    ),
    ({"runbook": "https://a"}, {"runbook": "https://b"}, ["runbook https://a → https://b"]),
    ({"later": {"x": 1}}, {"later": {"x": 2}}, ["later x 1 → x 2"]),
    ({"context_window": 200_000}, {"context_window": 1_000_000}, ["context window 200k → 1M"]),
    ({"context_window": 1_048_576}, {"context_window": 1_500_000}, _WINDOWS),
    (
        {"parameters": {"stop": ["END"]}},
        {"parameters": {"stop": ["END", "---"], "schema": {"strict": True}}},
        ["parameter schema added, strict yes", "parameter stop END → END, ---"],
    ),
    (
        {"fine_tuning": "adapter"},
        {"fine_tuning": "full"},
        ["fine-tuning method adapter → full fine-tune"],
    ),
    (
        {"prompts": [prompt("conduct", 1, kind="policy")]},
        {"prompts": [prompt("conduct", 2, kind="policy")]},
        ["policy prompt conduct v1 → v2"],
    ),
    ({"number": 3, "text": "a"}, {"number": 4, "text": "b"}, []),
]


@pytest.mark.parametrize(("before", "after", "sentences"), CASES)
def test_each_part_is_told_in_its_own_words(before, after, sentences):
    assert told(before, after) == sentences
    assert told(after, after) == []


def test_a_digest_that_alone_differs_is_not_passed_over():
    """Whatever is in a document and no name, it is told."""
    dataset = {
        "role": "training",
        "dataset": "mails",
        "version": "1",
        "classification": "internal",
        "jurisdiction": "EU",
        "digest": "",
    }
    later = {**dataset, "digest": "sha256:1"}
    (change,) = comparing.differences({"datasets": [dataset]}, {"datasets": [later]})
    assert change.sentence == ("dataset mails 1 for training digest not recorded → digest sha256:1")
    for part, one in [
        ("prompts", prompt("greeting", 1)),
        ("model_version", {"model": "heron", "version": "1", "digest": ""}),
    ]:
        other = {**one, "digest": "sha256:1"}
        lists = part == "prompts"
        before, after = ([one], [other]) if lists else (one, other)
        (change,) = comparing.differences({part: before}, {part: after})
        assert change.state == "changed"
        assert (change.before, change.after) == ("digest not recorded", "digest sha256:1")


def test_equal_parts_are_named():
    before = {"licence": "MIT", "context_window": 8000, "runbook": "", "number": 1}
    assert comparing.unchanged(before, {**before, "context_window": 9000}) == ["licence"]


# Texts


def shown(before, after) -> list[str]:
    signs = {"same": " ", "added": "+", "removed": "-", "skipped": "~"}
    return [
        signs[line.kind] + "".join(f"[{text}]" if marked else text for text, marked in line.parts)
        for line in wording.lines(before, after)
    ]


def test_inside_a_changed_line_only_the_words_that_differ_are_marked():
    assert shown("Be kind.\nAnswer in two words.", "Be kind.\nAnswer in three words.") == [
        " Be kind.",
        "-Answer in [two] words.",
        "+Answer in [three] words.",
    ]


def test_lines_that_have_nothing_in_common_are_one_removed_and_one_added():
    assert shown("Never say your name.", "42 xyzzy!") == ["-Never say your name.", "+42 xyzzy!"]


def test_long_unchanged_stretches_are_folded_with_their_number():
    body = "\n".join(f"Line {number}." for number in range(20))
    assert shown(body, f"{body}\nOne more.") == [
        "~17 unchanged lines",
        " Line 17.",
        " Line 18.",
        " Line 19.",
        "+One more.",
    ]


def test_a_line_end_alone_is_a_difference():
    assert shown("One.\nTwo.", "One.\r\nTwo.\n")[-1] == "~Only the ends of lines differ."


def test_texts_too_long_to_match_are_shown_as_replaced():
    many = "x\n" * 2500
    assert {line.kind for line in wording.lines(many, many + "y")} == {"removed", "added"}
    long = "word " * 5000
    (removed, added) = wording.lines(long, long + "more")
    assert [marked for _, marked in removed.parts + added.parts] == [False, False]


texts = st.text(st.sampled_from("ab. \n"), max_size=60)


@given(texts, texts)
def test_the_difference_holds_both_texts(before, after):
    """From the lines that are shown, either text can be put together again."""
    found = wording.lines(before, after)
    if before == after:
        assert found == []
        return
    for text, column, kinds in (
        (before, "old", {"same", "removed"}),
        (after, "new", {"same", "added"}),
    ):
        numbered = {getattr(line, column): line for line in found if line.kind in kinds}
        for number, line in numbered.items():
            assert "".join(part for part, _ in line.parts) == text.splitlines()[number - 1]
        folded = len(text.splitlines()) - len(numbered)
        said = [line.parts[0][0] for line in found if line.kind == "skipped"]
        assert folded == sum(int(text.split()[0]) for text in said if text[0].isdigit())


# The page


@pytest.fixture
def rhea(client, db):
    person = make.registrar()
    client.force_login(person)
    return person


def test_releases_are_compared_with_their_version_and_prompts(client, rhea):
    team = make.make_team()
    use_case = make.make_use_case(team=team)
    model = make.make_model(team=team)
    old = make.make_model_version(model=model, context_window=128_000)
    new = make.make_model_version(model=model, context_window=200_000)
    template = make.make_prompt(team=team)
    first = make.make_prompt_version(template, text="Be brief. <b>Never</b> guess.")
    second = make.make_prompt_version(template, text="Be brief. <b>Never</b> invent.")
    a = make.make_release(use_case=use_case, version=old, prompts=[first])
    grants = [(make.make_tool_scope("crm", "write"), "human_approval")]
    b = make.make_release(use_case=use_case, version=new, prompts=[second], grants=grants)
    opened = client.get(b.get_absolute_url())
    link = f"/compare/?kind=release&amp;b={b.pk}"
    assert link in opened.text
    page = client.get(link.replace("&amp;", "&"))
    assert (page.context_data["a"], page.context_data["b"]) == (a, b)
    sentences = [change.sentence for change in page.context_data["found"].changes]
    assert "context window 128k → 200k" in sentences
    assert "tool crm.write added, needs human approval" in sentences
    assert f"prompt {template.slug} v1 → v2" in sentences
    assert "<del>guess</del>" in page.text and "<ins>invent</ins>" in page.text
    assert "&lt;b&gt;Never" in page.text and "<b>Never" not in page.text
    back = client.get("/compare/", {"kind": "release", "a": b.pk, "b": a.pk})
    assert "tool crm.write removed, needs human approval" in [
        change.sentence for change in back.context_data["found"].changes
    ]


def test_versions_and_prompts_have_the_one_before_them_chosen(client, rhea):
    model = make.make_model()
    one, two = (make.make_model_version(model=model) for _ in range(2))
    template = make.make_prompt()
    first = make.make_prompt_version(template, text="Be brief.")
    second = make.make_prompt_version(template, text="Be long.")
    assert PromptVersion.objects.get(pk=second.pk).parent in (first, None)
    for kind, before, after in [("model-version", one, two), ("prompt-version", first, second)]:
        assert f"kind={kind}&amp;b={after.pk}" in client.get(after.get_absolute_url()).text
        page = client.get("/compare/", {"kind": kind, "b": after.pk})
        assert page.context_data["a"] == before
        alone = client.get("/compare/", {"kind": kind, "b": before.pk})
        assert "There is nothing before it." in alone.text
        same = client.get("/compare/", {"kind": kind, "a": after.pk, "b": after.pk})
        assert "Both are the same." in same.text
    assert "<del>brief</del>" in page.text


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("kind=nonsense", "Name one of model-version, release, prompt-version, policy-version."),
        ("kind=release&a=x&b=1", "“a” is the number of a row."),
        ("kind=release&b=99999999999999999999999", "“b” is the number of a row."),
        ("kind=release&b=%C2%B2", "“b” is the number of a row."),
    ],
)
def test_what_names_nothing_is_refused_in_words(client, rhea, query, sentence):
    page = client.get(f"/compare/?{query}")
    assert page.status_code == 400
    assert sentence in page.text


def test_a_row_of_another_team_is_not_there(client, db):
    release = make.make_release()
    own = make.make_release()
    viewer = make.make_person("", Role.VIEWER, team=own.use_case.team)
    client.force_login(viewer)
    for a, b in [(release.pk, own.pk), (own.pk, release.pk), ("", release.pk), (10**9, own.pk)]:
        page = client.get("/compare/", {"kind": "release", "a": a, "b": b})
        assert page.status_code == 404
        assert str(release) not in page.text
    assert client.get("/compare/", {"kind": "release", "b": own.pk}).status_code == 200
    assert client.get("/compare/").status_code == 200


def test_the_api_says_the_same(db):
    template = make.make_prompt()
    first = make.make_prompt_version(template, text="Be brief.", variables=[])
    second = make.make_prompt_version(template, text="Be long {name}.", variables=["name"])
    caller = reader("auditor")
    answer = caller.get("compare/", kind="prompt-version", b=second.pk)
    assert answer.status_code == 200
    body = answer.json()
    assert (body["kind"], body["a"], body["b"]) == ("prompt-version", first.pk, second.pk)
    assert [change["sentence"] for change in body["changes"]] == ["variable name added"]
    assert [line["text"] for line in body["texts"][0]["lines"]] == ["Be brief.", "Be long {name}."]
    assert_problem(caller.get("compare/", kind="release"), 400, "b")
    assert_problem(caller.get("compare/", kind="x", b=1), 400, "kind")
    assert_problem(caller.get("compare/", kind="prompt-version", b=first.pk), 404)
    stranger = reader("viewer", team=make.make_team())
    assert_problem(stranger.get("compare/", kind="prompt-version", b=second.pk), 404)
