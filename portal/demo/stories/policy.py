"""How policy came: the starter packs, drafted by one and published by another, and what is next."""

from collections.abc import Iterator
from datetime import datetime

from portal.demo.world import World
from registry import starter_packs
from registry import transitions as registry
from registry.models import PolicyPack, PolicyVersion, UseCase

AUTHOR, SECOND = "policy.author", "policy.second"
#: The pack whose next version waits to be published, and what that version says beside the first.
STRICTER = "customer-data"
CLAUSES = {
    "require.served_release_id": {
        "value": True,
        "why": "When a customer complains we must be able to say which release answered.",
    },
    "retention_days": {
        "value": 90,
        "why": "Complaints come within a quarter; what is kept for longer was never asked for.",
    },
    "tools.authorization.customer-record": {
        "value": "human_approval",
        "why": "What a customer pastes can steer a model: a person lets each reading through.",
    },
}


def policy(world: World) -> Iterator[datetime]:
    """Tell how each starter pack was published before any approval, and what is drafted now."""
    yield world.day(212)
    for name in starter_packs.NAMES:
        _publish(world, name)
    yield world.day(2, 14)
    _draft_stricter(world)


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


def _draft_stricter(world: World) -> None:
    """Draft what nobody has published yet: its preview says what it would break."""
    published = PolicyVersion.objects.get(pack__slug=STRICTER)
    with world.act():
        draft = registry.new_policy_version_from(
            published.pk, actor=world.who(AUTHOR), reason="What the red team of the chat found."
        )
    with world.act():
        registry.save_policy_draft(
            draft.pk,
            clauses=published.clauses | CLAUSES,
            notes="Stricter on what a chat may read, and on knowing who answered.",
            actor=world.who(AUTHOR),
            reason="Agreed with customer service, who ask for two weeks until it is published.",
        )
