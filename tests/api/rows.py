"""One row for every address of the API, and many more of them."""

import copy
from dataclasses import dataclass

from django.db import connection, models

from audit import change, clock, system
from audit.models import Entry
from audit.rules import digest
from evidence.models import EvaluationRun
from gates.models import Promotion
from registry.models import PolicyPack, Router, RouterReport
from runtime.models import EvidencePack, Incident
from tests import make
from tests.gates.stories import Story
from tests.nouns import multiply
from tests.runtime.incidents import opened


@dataclass(frozen=True)
class Address:
    """A list, the address of one row of it, the row, and the names of what hangs on a row."""

    path: str
    one: str
    row: models.Model
    parts: tuple[str, ...] = ()


#: Every list that the API has, by the prefix it is registered under, without the parent's name.
LISTS = (
    "models",
    "model-versions",
    "prompts",
    "prompts/versions",
    "datasets",
    "datasets/versions",
    "tools",
    "policy-packs",
    "use-cases",
    "environments",
    "environments/routers",
    "releases",
    "evidence",
    "evaluation-runs",
    "promotions",
    "incidents",
    "packs",
    "audit/entries",
)


def address(name: str, told: Story) -> Address:
    """Return the address of list `name` and of one row of the story told."""
    release = told.release
    version = release.model_version
    prompt = release.prompt_links.get().prompt_version
    dataset = version.dataset_links.get().dataset_version
    item = told.promotion.decided_package.evidence_links.order_by("pk").first().item
    run = EvaluationRun.objects.first()
    entry = Entry.objects.filter(about=release.key).first()
    pack = PolicyPack.objects.get()
    tool, place = release.tool_grants.get().scope.tool, told.environment
    router = Router.objects.filter(environment=place).first() or make.make_router(place)
    incident = Incident.objects.first() or opened(told, actor=told.requester)
    packed = EvidencePack.objects.first() or _packed(told)
    now = clock.now()
    RouterReport.objects.get_or_create(
        router=router, generation=1, defaults={"first_seen_at": now, "last_seen_at": now}
    )
    listed = {
        "models": ("models/", version.model.slug, version.model, ("uses",)),
        "model-versions": ("model-versions/", version.pk, version),
        "prompts": ("prompts/", prompt.template.slug, prompt.template),
        "prompts/versions": (f"prompts/{prompt.template.slug}/versions/", prompt.number, prompt),
        "datasets": ("datasets/", dataset.dataset.slug, dataset.dataset),
        "datasets/versions": (f"datasets/{dataset.dataset.slug}/versions/", dataset.pk, dataset),
        "tools": ("tools/", tool.slug, tool, ("scopes",)),
        "policy-packs": ("policy-packs/", pack.slug, pack),
        "use-cases": ("use-cases/", told.use_case.slug, told.use_case, ("score_demands",)),
        "environments": ("environments/", place.slug, place, ("region_links",)),
        "environments/routers": (
            f"environments/{place.slug}/routers/",
            router.slug,
            router,
            ("reports",),
        ),
        "releases": ("releases/", release.pk, release),
        "evidence": ("evidence/", item.pk, item),
        "evaluation-runs": ("evaluation-runs/", run.pk, run, ("acceptance",)),
        "promotions": ("promotions/", told.promotion.pk, told.promotion),
        "incidents": ("incidents/", incident.pk, incident),
        "packs": ("packs/", packed.pk, packed),
        "audit/entries": ("audit/entries/", entry.seq, entry),
    }
    path, key, row, *parts = listed[name]
    return Address(path, f"{path}{key}/", row, *parts)


def _packed(told: Story) -> EvidencePack:
    with change(actor=system("evidence_pack"), reason=make.WHY) as made:
        return made.save(
            EvidencePack(
                promotion=told.promotion,
                as_of=made.now,
                log_size=1,
                manifest=digest(b""),
                size=1,
                files=1,
                left_out=0,
                built_at=made.now,
            ),
            event="evidencepack.built",
        )


def fill(where: Address, number: int, *, begin: int = 0) -> None:
    """Write `number` more rows like the one at `where`, each with parts like its parts."""
    model = type(where.row)
    if model is Entry:
        first = 10_000_000 + begin
        _write(model, (_twin(where.row, seq=first + place) for place in range(number)))
        return
    if model in (Promotion, EvidencePack):
        _write(model, (_twin(where.row) for _ in range(number)))
        return
    before = set(model._base_manager.values_list("pk", flat=True))
    multiply(where.row, number, begin=begin)
    added = model._base_manager.exclude(pk__in=before)
    assert added.count() == number
    for name in where.parts:
        relation = model._meta.get_field(name)
        link = relation.field.name
        part = relation.related_model._base_manager.filter(**{link: where.row}).first()
        _write(type(part), (_twin(part, **{link: parent}) for parent in added))


def _twin(row, **values):
    twin = copy.copy(row)
    twin._state = models.base.ModelState()
    twin.pk = None
    for name, value in values.items():
        setattr(twin, name, value)
    return twin


def _write(model, rows) -> None:
    # Past the governed managers, which refuse it: what is tried here is only how rows are read.
    models.QuerySet(model, using=connection.alias).bulk_create(rows)
