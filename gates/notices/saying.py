"""The words of a notice: a title line, and the two sentences that the page itself begins with."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from django.conf import settings

from gates.models import Notice
from gates.pages import words
from gates.pages.answer import answer
from gates.pages.loaded import Loaded
from gates.pages.people import changed_since
from gates.rules.notices import in_days

#: Differences that a notice names; the page has all.
NAMED = 3


@dataclass(frozen=True)
class Said:
    """What is sent: `headline` and `text` are readable alone; `path` is where to go."""

    title: str
    headline: str
    text: str
    path: str

    @property
    def url(self) -> str:
        """The address that works from anywhere."""
        return f"{settings.GATEHOUSE_URL}{self.path}"


def say(notice: Notice, loaded: Loaded | None) -> Said:
    """Return the words of a notice, for the reader whom `loaded` has; without it, of a webhook."""
    if loaded is None:
        given = all(name in notice.facts for name in ("title", "headline", "text", "path"))
        return _as_given(notice) if given else _of_webhook(notice)
    band = answer(loaded)
    headline, text = band.headline, str(band.text)
    begins = _TITLES[notice.kind](notice, loaded)
    if notice.kind in _SENTENCES:
        headline, text = _SENTENCES[notice.kind](notice, loaded)
    return Said(
        title=_one_line(f"{begins}: {words.short(loaded.promotion)}"),
        headline=_one_line(headline),
        text=_one_line(text),
        path=loaded.promotion.get_absolute_url(),
    )


def _as_given(notice: Notice) -> Said:
    title, headline, text = (
        _one_line(notice.facts[name]) for name in ("title", "headline", "text")
    )
    return Said(title, headline, text, notice.facts["path"])


def _of_webhook(notice: Notice) -> Said:
    path = f"/webhooks/{notice.facts['webhook']}/deliveries/"
    if notice.kind == "webhook.test":
        return Said("Test of a webhook", "This is a test.", "Nothing happened.", path)
    return Said(
        title=_one_line(f"Switched off: webhook {notice.facts['name']}"),
        headline=_one_line(f"The webhook {notice.facts['name']} is switched off."),
        text=_one_line(
            f"It did not take what was sent for days: {notice.facts['why']} What waits for it is "
            "sent when an administrator switches it on."
        ),
        path=path,
    )


def _one_line(text: str) -> str:
    # A title becomes the subject of a mail, in which a line break begins another header.
    return " ".join(text.split())


_DECIDED = {
    "promotion.approved": "Approved",
    "promotion.rejected": "Rejected",
    "promotion.changes_requested": "Changes requested",
    "promotion.withdrawn": "Withdrawn",
}

_TITLES: dict[str, Callable[[Notice, Loaded], str]] = {
    "promotion.requested": lambda notice, loaded: "Asked for",
    "sign_off.wanted": lambda notice, loaded: (
        "Your sign-off is wanted" if loaded.user else "Sign-off wanted"
    ),
    "promotion.decided": lambda notice, loaded: _DECIDED[notice.facts["event"]],
    "package.changed": lambda notice, loaded: "Signatures no longer count",
    "approval.ending": lambda notice, loaded: f"Ends {in_days(notice.facts['days'])}",
    "approval.ended": lambda notice, loaded: "Ended",
    "break_glass.used": lambda notice, loaded: "Break-glass",
    "finding.assigned": lambda notice, loaded: "Assigned to you" if loaded.user else "Assigned",
    "sign_off.asked": lambda notice, loaded: (
        f"{notice.facts['by']} asks you to sign" if loaded.user else "Asked to sign"
    ),
    "sign_off.receipt": lambda notice, loaded: "Receipt for your signature",
    "sign_off.reminder": lambda notice, loaded: "Still waiting for a signature",
}


def _asked_for(notice: Notice, loaded: Loaded) -> tuple[str, str]:
    question = words.question(loaded.promotion)
    band = answer(loaded)
    who = loaded.promotion.requested_by.username
    return (
        f"{who} asks to {question[0].lower()}{question[1:]}.",
        f"{band.headline} {band.text}",
    )


def _no_longer_counts(notice: Notice, loaded: Loaded) -> tuple[str, str]:
    """Say whose signatures fell away, and what changed since the last of them."""
    people = set(notice.facts["people"])
    fell = [one for one in loaded.signed if one.person_id in people]
    names = dict.fromkeys(loaded.you_or(one.person_id, one.printed_name) for one in fell)
    changes = changed_since(loaded, fell[-1].package) if fell else []
    said = " ".join(one.sentence for one in changes[:NAMED])
    more = f" And {len(changes) - NAMED} more." if len(changes) > NAMED else ""
    number = "The signature" if len(names) == 1 else "The signatures"
    verb = "counts" if len(names) == 1 else "count"
    return (
        f"{number} of {words.listed(names)} no longer {verb}.",
        f"Changed since: {said}{more}",
    )


def _assigned(notice: Notice, loaded: Loaded) -> tuple[str, str]:
    due = date.fromisoformat(notice.facts["due"])
    return (
        f"{notice.facts['by']} asks to have this mended by {due.day} {due:%b %Y}.",
        notice.facts["sentence"],
    )


def _asked_by_name(notice: Notice, loaded: Loaded) -> tuple[str, str]:
    band = answer(loaded)
    return f"{notice.facts['by']}: “{notice.facts['reason']}”", f"{band.headline} {band.text}"


def _receipt(notice: Notice, loaded: Loaded) -> tuple[str, str]:
    return (
        "You signed, and the log holds it.",
        (
            "Keep the file that comes with this mail: it proves later that your signature was in "
            "the log, and nobody can take that back. verify_audit.py checks it without Gatehouse."
        ),
    )


_SENTENCES: dict[str, Callable[[Notice, Loaded], tuple[str, str]]] = {
    "promotion.requested": _asked_for,
    "package.changed": _no_longer_counts,
    "finding.assigned": _assigned,
    "sign_off.asked": _asked_by_name,
    "sign_off.receipt": _receipt,
}
