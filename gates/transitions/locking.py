"""What every verb on a promotion locks, in the one order: people, registry, promotion."""

from audit import Change
from gates.models import Promotion
from registry.models import ModelVersion, Person, Release, ServingEndpoint
from registry.rights import acting

WITH = (
    "release__use_case__team",
    "release__model_version__model",
    "environment",
    "requested_by",
)


def lock_promotion(
    change: Change, pk: int, actor: Person, *, signers: tuple[int, ...] = ()
) -> tuple[Person, Promotion]:
    """Lock the actor, what the promotion hangs on, and the promotion; return actor and promotion.

    Evidence is given, withdrawn and accepted under the lock of its release or version, roles
    are granted under their holder's: with these held, no fact moves while it is judged.
    """
    seen = Promotion.objects.select_related("release").get(pk=pk)
    people = acting(change, actor, *signers) if signers else [acting(change, actor)]
    change.lock(ModelVersion, seen.release.model_version_id)
    change.lock(Release, seen.release_id)
    endpoints = seen.endpoint_links.values_list("endpoint_id", flat=True)
    change.lock(ServingEndpoint, *endpoints)
    promotion = change.lock(Promotion, pk)
    # The joined rows come from a query of their own: a lock reaches only the row it names.
    related = Promotion.objects.select_related(*WITH).get(pk=pk)
    for name in ("release", "environment", "requested_by"):
        setattr(promotion, name, getattr(related, name))
    return people[0], promotion
