"""The threads of a promotion, open ones first, as the review page shows them."""

from dataclasses import dataclass, field
from datetime import datetime

from audit import Reason
from gates.models import Comment, Thread
from gates.pages.loaded import Loaded
from registry.rights import may

#: Threads and comments that one page shows; the history page has all.
THREADS = 50
COMMENTS = 500


@dataclass(frozen=True)
class Said:
    """One comment; its anchor is its permanent address."""

    anchor: str
    author: str
    at: datetime
    text: str


@dataclass(frozen=True)
class Talk:
    """One thread, as `gates/_discussion.html` lays it out."""

    pk: int
    anchor: str
    about: str
    about_url: str
    state: str
    resolved: str
    comments: list[Said]


@dataclass
class Discussion:
    """All threads of a promotion that are shown, and who may write."""

    threads: list[Talk]
    open: int
    older: int
    #: Why the reader may not write; empty when they may.
    off: list[Reason]
    #: What may be talked over: (value, words).
    subjects: list[tuple[str, str]]
    #: What was typed into a form that was refused, and the thread it was for.
    kept: str = ""
    kept_thread: int | None = None
    kept_subject: str = ""
    errors: list[str] = field(default_factory=list)

    @property
    def count(self) -> str:
        """The open ones of all, in words."""
        total = len(self.threads) + self.older
        return f"{self.open} open of {total}" if total else ""


def discussion(loaded: Loaded) -> Discussion:
    """Return the threads, open ones first, then the newest; three queries for any number."""
    rows = Thread.objects.filter(promotion=loaded.promotion).select_related("resolved_by", "change")
    threads = sorted(
        rows.order_by("-pk")[:THREADS], key=lambda one: (one.resolved_at is not None, -one.pk)
    )
    said: dict[int, list[Said]] = {}
    comments = Comment.objects.filter(thread__in=threads).select_related("author")
    for one in sorted(comments.order_by("-pk")[:COMMENTS], key=lambda one: one.pk):
        said.setdefault(one.thread_id, []).append(
            Said(
                f"comment-{one.pk}",
                loaded.begins_with(one.author_id, one.author.username),
                one.written_at,
                one.text,
            )
        )
    subjects = _subjects(loaded)
    return Discussion(
        threads=[_talk(one, said.get(one.pk, []), dict(subjects), loaded) for one in threads],
        open=loaded.open_threads,
        older=max(0, rows.count() - len(threads)),
        off=may(loaded.user, "discuss", loaded.promotion.release) if loaded.user else [],
        subjects=subjects,
    )


def _talk(row: Thread, said: list[Said], subjects: dict[str, str], loaded: Loaded) -> Talk:
    what, _, which = row.subject.partition(":")
    url = ""
    if what == "finding":
        url = f"#finding-{which.replace('.', '-', 1)}"
    elif what == "evidence" and row.subject in subjects:
        url = loaded.package.gathered.items[which].get_absolute_url()
    resolved = ""
    if row.resolved_at:
        who = loaded.begins_with(row.resolved_by_id, row.resolved_by.username)
        # The last change of a resolved thread is the one that resolved it.
        how = row.change.reason
        resolved = f"{who} resolved it on {row.resolved_at:%d %b %Y %H:%M} UTC: “{how}”"
    return Talk(
        pk=row.pk,
        anchor=f"thread-{row.pk}",
        about=subjects.get(row.subject, which) if row.subject else "The request as a whole",
        about_url=url,
        state="resolved" if row.resolved_at else "open_thread",
        resolved=resolved,
        comments=said,
    )


def _subjects(loaded: Loaded) -> list[tuple[str, str]]:
    findings = [
        (f"finding:{one.gate}.{one.code}", f"Finding: {one.sentence}")
        for one in (*loaded.in_the_way, *loaded.package.findings)
    ]
    evidence = [
        (f"evidence:{pk}", f"Evidence: “{item.title}”")
        for pk, item in loaded.package.gathered.items.items()
        if loaded.sees(item)
    ]
    return list(dict([*findings, *evidence]).items())
