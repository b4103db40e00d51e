"""What changed in an environment between two states of it: generation by generation, and in all."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from audit import Reason
from audit.instants import read_instant
from registry.effective import number_for
from registry.models import Environment, Person, UseCase
from runtime.differences import Difference, differences
from runtime.explaining import line
from runtime.models import Activation
from runtime.publishing import current

#: Generations that one answer tells of.
PAGE = 20
#: Digits of a generation's number.
LONGEST = 9


@dataclass(frozen=True)
class Span:
    """From after one generation up to and with another; 0 is before the first."""

    since: int
    until: int


def read_span(
    environment: Environment, given: Mapping[str, str], now: datetime
) -> tuple[Span | None, list[Reason]]:
    """Return the span that `from` and `to` name, each a generation or an instant.

    Without `to` it reaches to what is active, and without `from` a page back. There is no span,
    and nothing wrong, where it ends before the first generation.
    """
    newest = current(environment)
    if newest is None:
        return None, []
    reasons: list[Reason] = []
    ends: dict[str, int | None] = {}
    for name in ("from", "to"):
        ends[name], problem = _end(environment, given.get(name, ""), newest.generation, now)
        if problem:
            reasons.append(Reason("NOT_A_STATE", problem, name))
    until = newest.generation if ends["to"] is None else ends["to"]
    since = max(until - PAGE, 0) if ends["from"] is None else ends["from"]
    if not reasons and since > until:
        sentence = f"It begins after generation {until}, where it ends. Give an earlier one."
        reasons.append(Reason("BACKWARDS", sentence, "from"))
    return (Span(since, until) if until and not reasons else None), reasons


def _end(environment: Environment, text: str, newest: int, now: datetime) -> tuple[int | None, str]:
    """Return the generation that one end names, None for a text that names none, or why not."""
    if not text:
        return None, ""
    if text.isascii() and text.isdigit() and len(text) <= LONGEST:
        if int(text) <= newest:
            return int(text), ""
        return None, f"{environment.slug} has generations up to {newest}."
    at, problem = read_instant(text)
    if problem:
        return None, f"Give the number of a generation, or an instant. {problem}"
    if at > now:
        return None, "This instant lies in the future."
    found = current(environment, number_for(at))
    return (found.generation if found else 0), ""


def changes(environment: Environment, span: Span, reader: Person) -> dict[str, Any]:
    """Return what changed in a span, newest generation first, a page of them, and all in all.

    What is about use cases that the reader may not see is counted, not told.
    """
    shown_since = max(span.since, span.until - PAGE)
    rows = Activation.objects.filter(environment=environment)
    wanted = {*range(max(shown_since, 1), span.until + 1), max(span.since, 1)}
    found = {
        one.generation: one
        for one in rows.filter(generation__in=wanted).select_related("change", "snapshot")
    }
    documents: dict[str, dict] = {}

    def document(generation: int) -> dict[str, Any]:
        snapshot = found[generation].snapshot
        if snapshot.digest not in documents:
            documents[snapshot.digest] = json.loads(snapshot.content)
        return documents[snapshot.digest]

    steps = [
        # The first generation is what there was when the record began: nothing changed into it.
        (found[one], differences(document(one - 1), document(one)) if one > 1 else [])
        for one in range(span.until, shown_since, -1)
    ]
    whole = differences(document(max(span.since, 1)), document(span.until))
    seen = _seen(reader, [whole, *(told for _, told in steps)])
    return {
        "environment": environment.slug,
        "from": span.since,
        "to": span.until,
        **told(whole, seen),
        "generations": [{**line(row), **told(step, seen)} for row, step in steps],
        "earlier": shown_since if shown_since > span.since else None,
    }


def _seen(reader: Person, told_: Iterable[Iterable[Difference]]) -> set[str]:
    slugs = {slug for some in told_ for one in some for slug in one.use_cases}
    return seen_use_cases(reader, slugs)


def seen_use_cases(reader: Person, slugs: Iterable[str]) -> set[str]:
    """Return those of the slugs whose use case the reader may see."""
    rows = UseCase.objects.visible_to(reader).filter(slug__in=set(slugs))
    return set(rows.values_list("slug", flat=True))


def told(found: Iterable[Difference], seen: set[str]) -> dict[str, Any]:
    """Return differences as far as they are about use cases that are seen, and how many are not."""
    shown, hidden = [], 0
    for one in found:
        use_cases = [slug for slug in one.use_cases if slug in seen]
        if use_cases or not one.use_cases:
            shown.append({**asdict(one), "use_cases": use_cases})
        else:
            hidden += 1
    return {"changes": shown, "hidden": hidden}
