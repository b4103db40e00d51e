"""Notices are written inside the change that causes them; nothing is sent from there."""

from audit import Change
from gates.models import Notice, Promotion
from gates.rules.notices import EVENTS


def note_events(change: Change) -> None:
    """Write a notice for each event of the change that people are told of; a consequence."""
    prefix = f"{Promotion._meta.label_lower}:"
    for event, _, about in change.events:
        if not about.startswith(prefix):
            continue
        for kind in EVENTS.get(event, ()):
            note(change, kind, promotion=int(about.removeprefix(prefix)), facts={"event": event})


def note_given(
    change: Change, kind: str, *, team: int, said: dict[str, str], once: str = ""
) -> None:
    """Write a notice about what is no promotion, in the words that its verb gives.

    `said` has `title`, `headline`, `text` and `path`; `team` is the key of the team that owns what
    it is about: nobody who does not see that team's rows is told.
    """
    note(change, kind, facts={"team": team, **said}, once=once)


def note(
    change: Change,
    kind: str,
    *,
    promotion: int | None = None,
    facts: dict | None = None,
    once: str = "",
) -> None:
    """Write one notice inside `change`; a verb calls it for what no event of its own tells.

    `once` tells news apart that may come only once; without it, each change is news.
    """
    key = once or f"{kind}:{promotion or ''}:{change.id}"
    Notice.objects.get_or_create(
        once=key,
        defaults={
            "kind": kind,
            "promotion_id": promotion,
            "actor": change.user,
            "facts": facts or {},
            "created_at": change.now,
        },
    )
