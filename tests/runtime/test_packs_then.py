"""A pack of an instant is the same for ever: whatever is renamed or amended after it."""

import io
import zipfile
from contextlib import suppress

import pytest
from django.core.exceptions import ValidationError

from audit import Refused, checkpoints
from audit.fields import DocumentField
from registry import transitions as registry
from registry.models import (
    Person,
    Release,
    ToolGrant,
)
from registry.roles import Role
from registry.transitions.rows import NOUNS
from runtime import transitions
from runtime.packs.building import Subject, read_as_of
from tests import make
from tests.gates.stories import WHY, story
from tests.gates.test_gate_versions import draft, publish
from tests.runtime.incidents import opened
from tests.runtime.stories import place
from tests.runtime.test_packs import built

pytestmark = pytest.mark.django_db


def demanding(suite) -> dict:
    """Return a requirement of a gate that demands a score of its own."""
    demand = {"suite": suite.suite.slug, "metric": "accuracy", "threshold": "0.5"}
    return {
        "code": "own_score",
        "type": "score",
        "sentence": "Accuracy is above one half.",
        "terms": {"demands": [demand]},
    }


def documents(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def other(field, value):
    """Return another value for a field, of the kind that it takes."""
    if field.choices:
        return next(code for code, _ in field.flatchoices if code not in (value, ""))
    if isinstance(field, DocumentField):
        return [*value, "CH"] if isinstance(value, list) else {**value, "since": 1}
    if field.get_internal_type() in ("CharField", "TextField", "URLField"):
        if field.max_length == 2:
            return "CH"
        if not value and field.max_length == 71:
            return f"sha256:{'7' * 64}"
        return f"{value}2"[: field.max_length]
    return None


def rename_everything() -> set[str]:
    """Amend every field of every row that lets itself be amended; return which nouns were."""
    changed = set()
    for model, noun in NOUNS.items():
        for row in model._base_manager.all():
            for field in model._meta.concrete_fields:
                if not field.editable or field.name in ("id", "change"):
                    continue
                value = other(field, getattr(row, field.attname))
                # What is sealed, or set once, stays as it is.
                with suppress(Refused, ValidationError):
                    if value is not None:
                        make.save(model, {field.name: value}, pk=row.pk, actor=_who(model))
                        if field.name not in noun.set_once:
                            changed.add(model._meta.model_name)
    for person in Person.objects.all():
        registry.amend_person(
            person.pk, name=f"{person.name} Second", actor=make.admin(), reason=WHY
        )
    return changed


def _who(model):
    if model.__name__ in ("Team", "Region", "Provider", "Environment", "Router"):
        return make.admin()
    return make.author() if model.__name__ == "PolicyPack" else make.registrar()


@pytest.fixture
def told():
    """A fine-tuned release with tools, a waiver and a condition, which ran and was suspended."""
    told = story(dataset={"digest": ""})
    based_on, use_case = told.release, told.use_case
    version = make.make_model_version(
        model=based_on.model_version.model,
        base_version=based_on.model_version,
        fine_tuning="adapter",
        datasets=[(make.make_dataset_version(team=use_case.team), "fine_tuning")],
    )
    told.draft = make.make_release(use_case=use_case, version=version, sealed=False)
    told.endpoint = make.make_endpoint(version=version)
    release = registry.new_release_from(told.draft.pk, actor=make.registrar(), reason=WHY)
    grants = [{"scope": make.make_tool_scope(), "authorization": "service_account"}]
    make.save(Release, {}, {ToolGrant: grants}, pk=release.pk)
    told.release = registry.seal_release(release.pk, actor=make.registrar(), reason=WHY)
    make.make_policy(make.make_pack(), review_months=10)
    publish(draft("sandbox", demanding(told.suite)))
    told.waive()
    told.give_all(without=("safety_check",))
    told.ask()
    told.promotion = told.sign_all()
    checkpoints.take()
    place(told)
    told.incident = opened(told)
    transitions.suspend(
        told.endpoint.host,
        environment=told.environment,
        password=make.PASSWORD,
        actor=make.make_person(make.name("operator"), Role.OPERATOR),
        reason=WHY,
    )
    return told


def packs(told, as_of) -> list[dict[str, bytes]]:
    """Return what the packs of the promotion and of its environment hold, by name."""
    since = told.promotion.created_at
    subjects = (
        Subject(promotion=told.promotion),
        Subject(environment=told.environment, since=since),
    )
    return [documents(built(one, as_of=as_of)[1]) for one in subjects]


def assert_the_same(told, as_of, before) -> None:
    checkpoints.take()
    for was, now in zip(before, packs(told, as_of), strict=True):
        differing = {
            name: (was.get(name), now.get(name))
            for name in {*was, *now}
            if name not in NAMING_ALL and was.get(name) != now.get(name)
        }
        assert not differing
        assert was == now


#: Files that change with any other.
NAMING_ALL = ("manifest.json", "SHA256SUMS", "report.html")


def test_what_is_renamed_after_the_instant_is_told_as_it_was(told):
    as_of = read_as_of(None)
    before = packs(told, as_of)
    changed = rename_everything()
    assert {"team", "region", "provider", "environment", "usecase", "registeredmodel"} <= changed
    assert {"servingendpoint", "dataset", "datasetversion", "tool", "prompttemplate"} <= changed
    assert_the_same(told, as_of, before)


def test_what_happens_after_the_instant_is_not_told(told):
    """A promotion that waits is approved, a suite has a new version, a draft is sealed."""
    first, renewed = told.promotion, told.ask()
    told.promotion = first
    as_of = read_as_of(None)
    before = packs(told, as_of)
    told.promotion = renewed
    told.sign_all()
    told.promotion = first
    registry.seal_release(told.draft.pk, actor=make.registrar(), reason=WHY)
    registry.publish_suite_version(
        told.suite.suite.pk,
        notes="Second version.",
        metrics=[{"name": "accuracy", "unit": "fraction", "higher_is_better": True}],
        actor=make.registrar(),
        reason=WHY,
    )
    assert_the_same(told, as_of, before)
