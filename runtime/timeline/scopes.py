"""The window, the environments and the use case that a timeline is about."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from audit import Reason
from audit.instants import read_instant
from registry.models import Environment, Person, UseCase
from runtime.records.fields import SLUG

#: Without an instant to begin at, this long before the end.
USUAL = timedelta(hours=24)
#: The longest window that is looked at.
LONGEST = timedelta(days=400)
NAMES = ("environment", "use_case", "from", "to")
#: Environments that one answer is about.
MOST = 20


@dataclass(frozen=True)
class Scope:
    """From one instant to another, in these environments; without a use case, of any."""

    environments: tuple[Environment, ...]
    use_case: UseCase | None
    since: datetime
    until: datetime

    @property
    def places(self) -> tuple[int, ...]:
        """The keys of its environments."""
        return tuple(one.pk for one in self.environments)


def window(
    given: Mapping[str, str], now: datetime, usual: timedelta = USUAL
) -> tuple[datetime, datetime, list[Reason]]:
    """Return the two instants that `from` and `to` name, and what is wrong with them."""
    reasons: list[Reason] = []
    ends: dict[str, datetime | None] = {"from": None, "to": None}
    for name in ends:
        if text := given.get(name, "").strip():
            ends[name], problem = read_instant(text)
            if problem:
                reasons.append(Reason("NOT_AN_INSTANT", problem, name))
    until = min(ends["to"] or now, now)
    since = ends["from"] or until - usual
    if not reasons and since >= until:
        sentence = "It begins where it ends, or later. Give an earlier instant."
        reasons.append(Reason("BACKWARDS", sentence, "from"))
    elif not reasons and until - since > LONGEST:
        sentence = f"A window spans {LONGEST.days} days at most. Give a later instant."
        reasons.append(Reason("TOO_LONG", sentence, "from"))
    return since, until, reasons


def read(
    given: Mapping[str, str], reader: Person, now: datetime, usual: timedelta = USUAL
) -> tuple[Scope | None, list[Reason]]:
    """Return what an address asks about, None where it names what is not there for the reader."""
    since, until, reasons = window(given, now, usual)
    environments = Environment.objects.visible_to(reader).order_by("slug")
    use_case = None
    slugs = {name: given.get(name, "").strip() for name in ("environment", "use_case")}
    if any(slug and not SLUG.fullmatch(slug) for slug in slugs.values()):
        return None, reasons
    if slug := slugs["environment"]:
        environments = environments.filter(slug=slug)
    if slug := slugs["use_case"]:
        use_case = UseCase.objects.visible_to(reader).filter(slug=slug).first()
        if use_case is None:
            return None, reasons
    found = tuple(environments[:MOST])
    if not found:
        return None, reasons
    return Scope(found, use_case, since, until), reasons
