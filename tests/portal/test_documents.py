"""What the documents say of the code, held to it."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from registry import rights
from registry.roles import Role

ROOT = Path(__file__).resolve().parent.parent.parent
DOCS = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])

#: Row of the table in docs/roles.md -> the verbs of `registry.rights` that it tells in words.
VERBS = {
    "register models, versions, endpoints, datasets, prompts, tools, suites, use cases and "
    "releases": ("register",),
    "seal a version or a release": ("seal",),
    "deprecate, retire and reinstate what is registered, with a reason and a successor": (
        "retire",
    ),
    "give evidence and runs": ("give_evidence",),
    "withdraw evidence": ("withdraw_evidence",),
    "ask for a promotion, amend, submit and withdraw it, take in newer evidence, ask for a "
    "waiver": ("request",),
    "accept a run that somebody else gave": ("accept_run",),
    "sign a promotion in the role's own slot": ("sign",),
    "comment on a promotion, resolve a thread, ask somebody to sign and remind them": ("discuss",),
    "close a condition by evidence that somebody else gave": ("close_condition",),
    "grant or refuse a waiver that somebody else asked for": ("waive",),
    "review an emergency rollback that somebody else did": ("review_rollback",),
    "break the glass for an incident, and review what somebody else opened": (
        "break_glass",
        "review_break_glass",
    ),
    "revoke an approval, end a break-glass": ("revoke",),
    "activate, take out, suspend, lift, roll back, keep and drop test facts": ("operate",),
    "open an incident, write down notes and decisions, link releases and requests, name who takes "
    "part": ("open_incident", "note_incident"),
    "amend, mitigate, resolve and reopen an incident, set follow-ups": ("handle_incident",),
    "review an incident that somebody else resolved": ("review_incident",),
    "draft and publish policy packs and gates, for all teams only": ("write_policy",),
    "build and download an evidence pack": ("build_pack",),
    "read the log": ("read_log",),
    "record a review of the trail, for all teams only": ("review_trail",),
    "take an export of the log home, for all teams only": ("export_log",),
    "declare what was signed and is lost, and confirm what somebody else declared, for all teams "
    "only": ("declare_loss",),
    "keep teams, regions, providers, environments and routers": ("administer",),
    "add and amend people": ("administer",),
    "grant a role, end a grant": ("grant_role", "administer"),
    "deactivate and reactivate somebody else": ("deactivate", "reactivate"),
    "take away the second factor of somebody who lost it": ("take_second_factor",),
    "keep webhooks": ("administer",),
    "issue and revoke anybody's token": ("issue_token", "revoke_token"),
}


def table(name: str) -> list[list[str]]:
    """Return the cells of the first table of a document, without the line under its head."""
    lines = [line for line in (ROOT / "docs" / name).read_text().splitlines() if line[:1] == "|"]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [row for row in cells if not set("".join(row)) <= {"-"}]


def test_the_table_of_roles_says_what_the_code_does():
    head, everybody, *rows = table("roles.md")
    assert head == ["verb", *(role.label for role in Role)]
    assert everybody == ["see the team's rows", *["yes"] * len(Role)]
    assert [verb for verb, *_ in rows] == list(VERBS)
    for verb, *told in rows:
        for code in VERBS[verb]:
            given = ["yes" if role in rights.ROLES[code] else "–" for role in Role]
            assert told == given, (verb, code)


def test_the_table_of_roles_leaves_no_verb_out():
    assert {code for codes in VERBS.values() for code in codes} == set(rights.ROLES)


@cache
def functions_of(file: Path) -> set[str]:
    tree = ast.parse(file.read_text())
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


NAMED = sorted(
    set(re.findall(r"`(tests/\S+?\.py)::(\w+)`", (ROOT / "docs/threat-model.md").read_text()))
)


def test_each_promise_names_its_tests():
    text = (ROOT / "docs/threat-model.md").read_text()
    told = re.findall(r"^\| (\d+) .*?\| (.*) \|$", text, re.MULTILINE)
    assert [int(number) for number, _ in told] == [*range(1, 19)]
    assert all("::" in tests for _, tests in told)


@pytest.mark.parametrize(("file", "name"), NAMED)
def test_a_test_that_a_promise_names_is_there(file, name):
    assert name in functions_of(ROOT / file)


@pytest.mark.parametrize("document", DOCS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_between_documents_lead_somewhere(document):
    for link in re.findall(r"\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)", document.read_text()):
        assert (document.parent / link).exists(), link
