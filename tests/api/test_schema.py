"""The description of the API: valid, the one that is committed, and true of every answer."""

import copy
import re
from datetime import date
from io import StringIO
from pathlib import Path

import pytest
import yaml
from django.core.management import call_command
from jsonschema import Draft202012Validator

from evidence.giving import FIELDS
from gates.models import Promotion
from registry.models import PolicyPack
from tests import make
from tests.api.reading import ROOT, Reader, reader
from tests.api.rows import LISTS, address
from tests.gates.stories import story

pytestmark = pytest.mark.django_db

#: Answers about one instant, which no caller may keep.
NEVER_KEPT = (
    f"{ROOT}decision/",
    f"{ROOT}routes/{{use_case}}/explain/",
    f"{ROOT}drill/",
    f"{ROOT}environments/{{slug}}/rollback-targets/",
    f"{ROOT}environments/{{slug}}/rollback-dry-run/",
)

GIVING, APPENDING = "/ingest/v1/evidence/", "/ingest/v1/records/"
TRACING = "/v1/traces"
COMMITTED = Path(__file__).resolve().parents[2] / "docs" / "openapi.yaml"


def described() -> str:
    out = StringIO()
    call_command("spectacular", "--validate", "--fail-on-warn", stdout=out)
    return out.getvalue()


@pytest.fixture(scope="module")
def description() -> dict:
    return yaml.safe_load(described())


@pytest.fixture
def caller(told) -> Reader:
    return reader("auditor")


def test_the_committed_description_is_the_one_that_is_served(caller):
    again = "Run: python manage.py spectacular --validate --file docs/openapi.yaml"
    assert COMMITTED.read_text() == described(), again
    served = caller.get("schema/", headers={"Accept": "application/json"}).json()
    assert served == yaml.safe_load(COMMITTED.read_text())


EXPORTED = ("releases", "promotions")


def test_every_address_is_described_and_asks_for_a_token(description):
    paths = description["paths"]
    assert {re.sub(r"{[a-z_]+}/", "", path) for path in paths} == {
        *(f"{ROOT}{name}/" for name in LISTS),
        f"{ROOT}audit/entries/proof/",
        f"{ROOT}audit/consistency/",
        f"{ROOT}audit/checkpoint/",
        f"{ROOT}decision/",
        f"{ROOT}effective-policy/",
        f"{ROOT}effective-gate/",
        *(f"{ROOT}model-versions/{end}/" for end in ("exports", "cyclonedx", "card")),
        *(f"{ROOT}{noun}/{end}/" for noun in EXPORTED for end in ("exports", "cyclonedx")),
        f"{ROOT}promotions/findings/",
        f"{ROOT}promotions/pack/",
        f"{ROOT}environments/pack/",
        f"{ROOT}packs/",
        f"{ROOT}packs/receipt/",
        f"{ROOT}compare/",
        f"{ROOT}environments/active/",
        f"{ROOT}environments/changes/",
        f"{ROOT}environments/rollback-targets/",
        f"{ROOT}environments/rollback-dry-run/",
        f"{ROOT}environments/active-at/",
        f"{ROOT}timeline/",
        f"{ROOT}lanes/",
        f"{ROOT}environments/snapshot/",
        f"{ROOT}snapshots/",
        f"{ROOT}routes/explain/",
        f"{ROOT}running/",
        f"{ROOT}drill/",
        f"{ROOT}requests/",
        f"{ROOT}impact/",
        f"{ROOT}may-run/",
        f"{ROOT}on-call/",
        f"{ROOT}policy-preview/",
        f"{ROOT}readiness/",
        f"{ROOT}search/",
        f"{ROOT}uses/",
        f"{ROOT}model-versions/lineage/",
        f"{ROOT}releases/lineage/",
        f"{ROOT}evaluation-runs/latest/",
        f"{ROOT}evaluation-runs/history/",
        f"{ROOT}promotions/scores/",
        f"{ROOT}request-counts/",
        f"{ROOT}records/proof/",
        f"{ROOT}unattributed-traffic/",
        GIVING,
        APPENDING,
        TRACING,
    }
    for path, operations in paths.items():
        if path in (GIVING, APPENDING, TRACING):
            continue
        assert set(operations) == {"get"}, path
        assert operations["get"]["security"] == [{"token": []}], path
        assert {"200", "400", "401", "403", "404", "500", "503"} <= set(
            operations["get"]["responses"]
        )
        assert ("304" in operations["get"]["responses"]) == (path not in NEVER_KEPT)
        assert operations["get"]["description"].strip(), path


def test_giving_is_described_with_its_own_answers(description):
    operations = description["paths"][GIVING]
    assert set(operations) == {"post"}
    assert operations["post"]["security"] == [{"token": []}]
    answers = {"200", "201", "400", "401", "403", "404", "409", "413", "415", "422", "429", "507"}
    assert answers <= set(operations["post"]["responses"])
    body = operations["post"]["requestBody"]["content"]["multipart/form-data"]["schema"]
    assert {*FIELDS, "files"} == set(body["properties"])


def strict(schema: dict) -> dict:
    """Return the schemas with every object closed, so that nothing undescribed gets through."""
    closed = copy.deepcopy(schema)
    found = [closed]
    while found:
        here = found.pop()
        if isinstance(here, dict):
            if "properties" in here:
                here.setdefault("additionalProperties", False)
            found += here.values()
        elif isinstance(here, list):
            found += here
    return closed


def assert_as_described(answer, description: dict, path: str) -> None:
    """Assert that an answer of status 200 or a problem is what the description says it is."""
    response = description["paths"][path]["get"]["responses"][str(answer.status_code)]
    if "$ref" in response:
        response = description["components"]["responses"][response["$ref"].rpartition("/")[2]]
    kind = answer["Content-Type"]
    schema = response["content"][kind]["schema"]
    whole = strict({**schema, "components": description["components"]})
    errors = Draft202012Validator(whole).iter_errors(answer.json())
    assert not (told := [f"{error.json_path}: {error.message}" for error in errors]), told


def path_of(name: str, *, one: bool) -> str:
    """Return the described path of a list or of one of its rows."""
    parent, _, child = name.partition("/")
    if child in ("versions", "routers"):
        name = f"{parent}/{{{parent.removesuffix('s')}}}/{child}"
    key = {
        **dict.fromkeys(("models", "prompts", "datasets", "tools"), "{slug}/"),
        **dict.fromkeys(("use-cases", "environments", "policy-packs"), "{slug}/"),
        "prompts/{prompt}/versions": "{number}/",
        "environments/{environment}/routers": "{slug}/",
    }.get(name, "{id}/")
    return f"{ROOT}{name}/{key if one else ''}"


@pytest.mark.parametrize("name", LISTS)
def test_rows_are_as_described(told, caller, description, name):
    where = address(name, told)
    listed = caller.get(where.path, limit=200)
    assert listed.json()["results"]
    assert_as_described(listed, description, path_of(name, one=False))
    one = caller.get(where.one)
    assert one.status_code == 200
    assert_as_described(one, description, path_of(name, one=True))


def test_drafts_and_gaps_are_as_described(told, caller, description):
    """What is empty elsewhere: a draft without a base, a promotion that nobody decided."""
    bare = make.make_model_version(
        maker=None, context_window=None, output_limit=None, card="", sealed=False
    )
    draft = make.make_release(version=bare, prompts=[], objectives=[], sealed=False)
    empty = make.make_prompt()
    asked = story("regulated", risk_tier="high")
    asked.give_run("0.1", accept=False)
    promotion = asked.ask(submit=False)
    for name, key in [
        ("model-versions", bare.pk),
        ("releases", draft.pk),
        ("prompts", empty.slug),
        ("promotions", promotion.pk),
        ("evaluation-runs", asked.release.evidence.get().runs.get().pk),
        ("evidence", asked.release.evidence.get().pk),
    ]:
        answer = caller.get(f"{name}/{key}/")
        assert answer.status_code == 200
        assert_as_described(answer, description, path_of(name, one=True))
        assert_as_described(caller.get(f"{name}/"), description, path_of(name, one=False))


def test_decisions_and_scores_are_as_described(told, caller, description):
    question = {"release": told.release.digest, "environment": told.environment.slug}
    for more in ({}, {"at": "2001-01-01T00:00:00Z"}, {"at": "x"}, {"environment": "nowhere"}):
        answer = caller.get("decision/", **question | more)
        assert_as_described(answer, description, f"{ROOT}decision/")
    scores = caller.get("evaluation-runs/latest/", release=told.release.digest)
    assert scores.json()
    assert_as_described(scores, description, f"{ROOT}evaluation-runs/latest/")
    for row in Promotion.objects.all():
        beside = caller.get(f"promotions/{row.pk}/scores/")
        assert beside.json()["scores"]
        assert_as_described(beside, description, f"{ROOT}promotions/{{id}}/scores/")
    told.give_run("0.97", release=None, version=told.release.model_version)
    model = told.release.model_version.model.slug
    series = caller.get("evaluation-runs/history/", model=model)
    assert series.json()[0]["demands"] and series.json()[0]["scores"]
    assert_as_described(series, description, f"{ROOT}evaluation-runs/history/")


def test_the_examples_of_the_decision_are_as_described(description):
    content = description["paths"][f"{ROOT}decision/"]["get"]["responses"]["200"]["content"]
    schema = content["application/json"]["schema"]
    whole = strict({**schema, "components": description["components"]})
    examples = content["application/json"]["examples"]
    assert {name: one["value"]["allowed"] for name, one in examples.items()} == {
        "Allowed": True,
        "NotAllowed": False,
    }
    for one in examples.values():
        Draft202012Validator(whole).validate(one["value"])


def test_problems_are_as_described(told, caller, description):
    for path, parameters in [
        ("models/", {"nonsense": "1"}),
        ("models/nobody/", {}),
        ("audit/entries/", {"after": "x"}),
    ]:
        answer = caller.get(path, **parameters)
        assert answer.status_code >= 400
        described_path = f"{ROOT}{path}".replace("nobody", "{slug}")
        assert_as_described(answer, description, described_path)


def test_answers_to_questions_are_as_described(told, caller, description):
    release, version = told.release, told.release.model_version
    draft = PolicyPack.objects.get()
    item = told.promotion.decided_package.evidence_links.first().item
    make.make_model(uses=[{"use_case": told.use_case, "stance": "disallowed"}])
    make.make_policy_draft(make.make_pack(), data_classification__max="public")
    leaving = make.make_model_version(
        model=version.model,
        maker=version.maker,
        no_retirement_announced=False,
        retires_on=date(2027, 1, 14),
    )
    for path, asked in [
        ("impact/", {"kind": "provider", "key": version.maker.slug}),
        ("impact/", {"kind": "provider", "key": told.endpoint.host.slug}),
        ("impact/", {"kind": "model-version", "key": leaving.pk}),
        ("impact/", {"kind": "evidence", "key": item.pk}),
        ("may-run/", {}),
        ("may-run/", {"provider": "a b"}),
        ("on-call/", {}),
        ("search/", {"q": told.use_case.slug}),
        ("search/", {"q": release.digest[:14]}),
        ("uses/", {}),
        ("readiness/", {"release": release.pk, "environment": told.environment.slug}),
        *(
            ("policy-preview/", {"pack": pack.slug, "version": 1})
            for pack in (draft, PolicyPack.objects.exclude(pk=draft.pk).get())
        ),
    ]:
        answer = caller.get(path, **asked)
        assert answer.status_code == (400 if "a b" in asked.values() else 200), answer.content
        assert_as_described(answer, description, f"{ROOT}{path}")
