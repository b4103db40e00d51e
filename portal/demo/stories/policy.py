"""How policy came: the starter packs, drafted by one and published by another."""

from collections.abc import Iterator
from datetime import datetime

from portal.demo.world import World
from registry import starter_packs
from registry import transitions as registry
from registry.models import PolicyPack, UseCase

AUTHOR, SECOND = "policy.author", "policy.second"


def policy(world: World) -> Iterator[datetime]:
    """Tell how each starter pack was drafted, read and published before anything was approved."""
    yield world.day(212)
    for name in starter_packs.NAMES:
        _publish(world, name)


def _publish(world: World, name: str) -> None:
    about, clauses = starter_packs.load(name)
    bound = about.pop("use_cases", [])
    pack = world.save(PolicyPack, AUTHOR, "Constraints that until now stood in e-mails.", **about)
    with world.act():
        draft = registry.save_policy_draft(
            None,
            pack=pack.pk,
            clauses=clauses,
            use_cases=UseCase.objects.filter(slug__in=bound).values_list("pk", flat=True),
            notes="First version.",
            actor=world.who(AUTHOR),
            reason="Written down from what the risk committee decided.",
        )
    with world.act():
        registry.publish_policy_version(
            draft.pk,
            actor=world.who(SECOND),
            reason="Read clause by clause; each says what was decided.",
        )
