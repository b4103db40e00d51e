"""Talking a promotion over: comments in threads, which are resolved and opened again."""

import audit
from audit import Reason, Refused
from audit.refusals import Conflict
from gates.models import Comment, Promotion, Thread
from gates.packages import live
from registry.models import Person
from registry.rights import acting, demand

#: Characters of a comment; the form says so.
LONGEST = 4000


def comment(
    pk: int, *, text: str, actor: Person, thread: int | None = None, subject: str = ""
) -> Comment:
    """Write a comment: into a thread, or as the first of a new one about `subject`.

    The comment is its own reason. A thread that was resolved is opened again by it. Raises
    `Refused` (422), `NotAllowed`, `Conflict`, and `Thread.DoesNotExist` for another promotion's.
    """
    text = _readable(text)
    promotion = Promotion.objects.select_related(
        "release__use_case__team", "release__model_version__model", "environment", "requested_by"
    ).get(pk=pk)
    if thread is None and subject:
        _refuse_unknown(promotion, subject)
    with audit.change(actor=actor, reason=text) as change:
        person = acting(change, actor)
        demand(person, "discuss", promotion.release)
        if thread is None:
            row = change.save(
                Thread(
                    promotion=promotion, subject=subject, opened_by=person, opened_at=change.now
                ),
                event="thread.opened",
            )
        else:
            Thread.objects.get(pk=thread, promotion=promotion)
            row = change.lock(Thread, thread)
            if row.resolved_at is not None:
                row.resolved_at = row.resolved_by = None
                change.save(row, event="thread.reopened")
        return change.save(
            Comment(
                thread=row, promotion=promotion, author=person, text=text, written_at=change.now
            ),
            event="comment.written",
            facts={"thread": row.pk},
        )


def resolve(pk: int, *, actor: Person, reason: str) -> Thread:
    """Say that the matter of a thread is settled, and how."""
    with audit.change(actor=actor, reason=_readable(reason)) as change:
        person, row = _locked(change, pk, actor)
        if row.resolved_at is not None:
            raise Conflict(Reason("RESOLVED", "Somebody resolved this thread just before you."))
        row.resolved_at, row.resolved_by = change.now, person
        return change.save(row, event="thread.resolved")


def reopen(pk: int, *, actor: Person, reason: str) -> Thread:
    """Say that the matter of a thread is not settled after all, and why."""
    with audit.change(actor=actor, reason=_readable(reason)) as change:
        _, row = _locked(change, pk, actor)
        if row.resolved_at is None:
            raise Conflict(Reason("OPEN", "This thread is open already."))
        row.resolved_at = row.resolved_by = None
        return change.save(row, event="thread.reopened")


def _readable(text: str) -> str:
    """Return the text without blanks around it. Raises `Refused` when it is none, or too long."""
    text = text.strip()
    if not text:
        raise Refused(Reason("COMMENT_EMPTY", "Write what you want to say.", "text"))
    if len(text) > LONGEST:
        raise Refused(
            Reason("COMMENT_LONG", f"A comment has {LONGEST} characters at most.", "text")
        )
    return text


def _locked(change: audit.Change, pk: int, actor: Person) -> tuple[Person, Thread]:
    person = acting(change, actor)
    row = change.lock(Thread, pk)
    demand(person, "discuss", row.promotion.release)
    return person, row


def _refuse_unknown(promotion: Promotion, subject: str) -> None:
    """Raise unless the promotion has the finding or the evidence item that is named."""
    package = live(promotion)
    known = {f"finding:{one.gate}.{one.code}" for one in package.findings}
    known |= {f"evidence:{pk}" for pk in package.gathered.items}
    if subject not in known:
        raise Refused(
            Reason("SUBJECT_UNKNOWN", "There is no such finding or evidence here.", "subject")
        )
