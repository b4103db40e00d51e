"""Generations follow from what changed: a conclusion of every change, so that none is forgotten.

It runs once the head of the log is locked. So it reads how things stand after this change, no
other change lands in between, and generations of one environment are in the order of the log.
"""

from django.db.models import Q
from django.db.models.expressions import RawSQL

from audit import Change
from audit import models as log
from audit.rules import canonical, digest
from registry.models import Environment
from runtime.compiling import document, running
from runtime.models import Activation, Deployment, Snapshot

#: The key under which a verb tells (cause, generation put back or None) of what it publishes.
TOLD = "activation"

#: What no route depends on; whatever is not named here is taken to matter everywhere.
IMMATERIAL = frozenset(
    {
        "audit.auditreview",
        "audit.logexport",
        "audit.verification",
        "gates.assignment",
        "gates.comment",
        "gates.package",
        "gates.packageevidence",
        "gates.packageperson",
        "gates.signoffask",
        "gates.thread",
        "gates.webhook",
        "registry.apitoken",
        "registry.dataset",
        "registry.datasetversion",
        "registry.evaluationsuite",
        "registry.person",
        "registry.policypack",
        "registry.prompttemplate",
        "registry.promptversion",
        "registry.provider",
        "registry.region",
        "registry.retirement",
        "registry.rolegrant",
        "registry.router",
        "registry.suiteversion",
        "registry.team",
        "registry.tool",
        "runtime.evidencepack",
        "runtime.followup",
        "runtime.incident",
        "runtime.incidentlink",
        "runtime.incidentnote",
        "runtime.incidentparticipant",
        "runtime.pruning",
        "runtime.recordbatch",
        "runtime.keptfacts",
        "runtime.rollback",
        "runtime.rollbackreview",
    }
)

#: How rows lead to the deployments that they matter for: by the row on whose timeline they stand.
#: One that is not named here matters for all.
OF_DEPLOYMENTS = {
    "registry.registeredmodel": ("release__model_version__model__in",),
    "registry.modelversion": ("release__model_version__in",),
    "registry.servingendpoint": ("endpoint__in",),
    "registry.release": ("release__in",),
    "registry.usecase": ("release__use_case__in",),
    "evidence.evidenceitem": ("release__evidence__in", "release__model_version__evidence__in"),
    "evidence.evidencefile": (
        "release__evidence__files__in",
        "release__model_version__evidence__files__in",
    ),
    "evidence.evaluationrun": (
        "release__evidence__runs__in",
        "release__model_version__evidence__runs__in",
    ),
    "gates.promotion": ("environment__promotions__in",),
    "runtime.suspension": (
        "release__suspensions__in",
        "release__model_version__suspensions__in",
        "release__model_version__maker__suspensions__in",
        "endpoint__suspensions__in",
        "endpoint__host__suspensions__in",
    ),
    "runtime.deployment": ("pk__in",),
}


def follow(change: Change) -> None:
    """Publish the next generation of every environment whose snapshot this change makes another."""
    touched: dict[str, set[str]] = {}
    for _, row, about in change.events:
        if row.partition(":")[0] not in IMMATERIAL:
            label, _, pk = about.partition(":")
            touched.setdefault(label, set()).add(pk)
    if not touched:
        return
    cause, restored = change.told.get(TOLD, (Activation.Cause.FOLLOWED, None))
    for environment in Environment.objects.filter(_affected(touched)).order_by("pk"):
        _publish(change, environment, cause, restored)


def _affected(touched: dict[str, set[str]]) -> Q:
    """Return which environments what was touched may matter for."""
    found = Q(pk__in=touched.pop(Environment._meta.label_lower, ()))
    for label, pks in touched.items():
        for lookup in OF_DEPLOYMENTS.get(label, ("removed_at__isnull",)):
            # What was taken out a moment ago runs no longer, and still matters.
            value = True if lookup == "removed_at__isnull" else pks
            rows = Deployment.objects.filter(**{lookup: value}).order_by()
            found |= Q(pk__in=rows.values("environment"))
    return found


def _publish(change: Change, environment: Environment, cause: str, restored: int | None) -> None:
    """Publish what `environment` is now, if it is not what its last generation says."""
    content = canonical(document(environment, running(environment)))
    named = digest(content)
    rows = Activation.objects.filter(environment=environment).select_related("snapshot")
    last = rows.defer("snapshot__content").order_by("-generation").first()
    if last is not None and last.snapshot.digest == named:
        return
    snapshot = Snapshot.objects.defer("content").filter(digest=named).first() or change.save(
        Snapshot(
            environment=environment,
            content=content.decode(),
            digest=named,
            created_at=change.now,
        )
    )
    change.save(
        Activation(
            environment=environment,
            generation=last.generation + 1 if last else 1,
            snapshot=snapshot,
            cause=cause if last else Activation.Cause.BEGUN,
            restored=restored,
        ),
        event="environment.activated",
        facts={"snapshot": named},
    )


def current(environment: Environment, number: int | None = None) -> Activation | None:
    """Return what is active in an environment, or was after change `number`."""
    rows = Activation.objects.filter(environment=environment).select_related("snapshot")
    if number is None:
        return rows.order_by("-generation").first()
    there = [environment.pk, number, number, environment.pk]
    return rows.filter(generation=RawSQL(AS_OF, there)).first()  # noqa: S611 - a constant


#: The last generation of an environment up to a change. Generations have no gaps and are in the
#: order of changes, so it is found by halving: a few looks, however many there are and however long
#: ago it was.
AS_OF = f"""
    WITH RECURSIVE halved (low, high) AS (
        SELECT 0, COALESCE(MAX(generation), 0)
        FROM {Activation._meta.db_table} WHERE environment_id = %s
        UNION ALL
        SELECT
            CASE WHEN step.number <= %s THEN one.generation ELSE low END,
            CASE WHEN step.number <= %s THEN high ELSE one.generation - 1 END
        FROM halved
        JOIN {Activation._meta.db_table} one
            ON one.environment_id = %s AND one.generation = (low + high + 1) / 2
        JOIN {log.Change._meta.db_table} step ON step.id = one.change_id
        WHERE low < high
    )
    SELECT low FROM halved WHERE low = high
"""  # noqa: S608 - names of tables alone
