"""The rules of signing, judged once more from what was recorded. Pure: entries in, findings out.

The verbs judged each signature when it was given. Whoever writes past them, with entries that hash
right, is found by what is judged here from the log itself.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from gates.rules.signing import APPROVALS

SIGNED = "promotion.signed_"
#: Events by which somebody had a hand in what is asked, and so may not sign it afterwards.
ASKING = (
    "promotion.requested",
    "promotion.amended",
    "promotion.submitted",
    "promotion.evidence_taken_in",
)
#: Decisions, and the verdicts of which one must come with each, in the same change.
DECISIONS: Mapping[str, tuple[str, ...]] = {
    "promotion.approved": APPROVALS,
    "promotion.rejected": ("reject",),
    "promotion.changes_requested": ("request_changes",),
}


@dataclass(frozen=True)
class Event:
    """One entry of the log about a promotion."""

    seq: int
    event: str
    change: str
    actor: int | None
    row: str
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Signed:
    """A signature as its row has it; `held` is whether its signer held the role then."""

    row: str
    person: int
    slot: str
    role: str
    verdict: str
    digest: str
    held: bool


@dataclass(frozen=True)
class Packaged:
    """A package as its bytes have it; `intact` is whether they have the digest."""

    digest: str
    intact: bool
    #: Slots that its gate asks for, by the package and by the gate versions that it names.
    slots: tuple[str, ...]
    demanded: tuple[str, ...]
    involved: frozenset[int]
    #: What it says and the rows beside it do not, each as the end of a sentence.
    untrue: tuple[str, ...] = ()
    #: Requirements of its gates for which it names neither evidence nor a waiver.
    unanswered: tuple[str, ...] = ()


@dataclass(frozen=True)
class Decided:
    """A promotion as its row has it."""

    state: str
    #: Digest of the package that was decided on, if it was.
    digest: str = ""


@dataclass(frozen=True)
class Found:
    """One rule that the record breaks; `row` is what it is about, empty for the promotion."""

    code: str
    sentence: str
    row: str = ""


def judge(
    events: Iterable[Event],
    signed: Mapping[str, Signed],
    packages: Mapping[str, Packaged],
    decided: Decided,
) -> list[Found]:
    """Return every rule that one promotion's record breaks; `events` come in the log's order."""
    found: list[Found] = []
    asked: set[int | None] = set()
    given: list[tuple[Event, Signed]] = []
    last = None
    for event in events:
        if event.event in ASKING:
            asked.add(event.actor)
        if event.event.startswith(SIGNED):
            row = signed.get(event.row)
            if row is None:
                found.append(
                    Found("SIGNATURE_GONE", f"Entry {event.seq} is a signature without a row.")
                )
                continue
            found += _signature(event, row, packages.get(row.digest), asked, given)
            given.append((event, row))
        elif event.event in DECISIONS:
            last = event
            found += _decision(event, given, packages, decided)
    found += [
        Found("PACKAGE_UNTRUE", f"The package {one.digest} {what}")
        for one in packages.values()
        for what in one.untrue
    ]
    found += _state(decided, last)
    return found


def _signature(
    event: Event,
    row: Signed,
    package: Packaged | None,
    asked: set[int | None],
    given: list[tuple[Event, Signed]],
) -> list[Found]:
    where = f"The signature of entry {event.seq}"
    wrong = []
    if event.actor != row.person:
        wrong.append(("SIGNATURE_ACTOR", f"{where} is another person's than its row says."))
    if event.event != f"{SIGNED}{row.verdict}":
        wrong.append(("SIGNATURE_VERDICT", f"{where} has another verdict than its row."))
    if package is None or not package.intact or event.facts.get("package") != row.digest:
        wrong.append(("SIGNATURE_DIGEST", f"{where} is not on the package that is stored."))
    if event.facts.get("slot") != row.slot or row.slot.rpartition(":")[0] != row.role:
        wrong.append(("SIGNATURE_SLOT", f"{where} fills another slot than its row says."))
    if not row.held:
        wrong.append(("SIGNATURE_ROLE", f"{where} was given by somebody without the role."))
    if package is not None:
        if row.slot not in package.slots:
            wrong.append(("SIGNATURE_SLOT", f"{where} fills a slot that its gate does not have."))
        if row.person in package.involved:
            wrong.append(("SIGNATURE_DUTY", f"{where} is by somebody who had a hand in it."))
    if event.actor in asked:
        wrong.append(("SIGNATURE_DUTY", f"{where} is by somebody who asked for it."))
    before = [other for _, other in given if other.digest == row.digest]
    if row.person in {other.person for other in before}:
        wrong.append(("SIGNATURE_TWICE", f"{where} is the second of one person on one package."))
    if row.slot in {other.slot for other in before}:
        wrong.append(("SIGNATURE_TWICE", f"{where} is the second in one slot."))
    return [Found(code, sentence, row.row) for code, sentence in wrong]


def _decision(
    event: Event,
    given: list[tuple[Event, Signed]],
    packages: Mapping[str, Packaged],
    decided: Decided,
) -> list[Found]:
    wanted = DECISIONS[event.event]
    with_it = [row for entry, row in given if entry.change == event.change]
    deciding = next((row for row in with_it if row.verdict in wanted), None)
    if deciding is None:
        return [Found("DECISION_UNSIGNED", f"Entry {event.seq} decides without a signature.")]
    found = []
    if event.event != "promotion.changes_requested" and decided.digest != deciding.digest:
        found.append(
            Found("DECISION_PACKAGE", f"Entry {event.seq} decided on another package than stored.")
        )
    if event.event == "promotion.approved":
        found += _quorum(event, deciding.digest, given, packages.get(deciding.digest))
    return found


def _quorum(
    event: Event, digest: str, given: list[tuple[Event, Signed]], package: Packaged | None
) -> list[Found]:
    if package is None:
        return [Found("DECISION_PACKAGE", f"Entry {event.seq} approved a package that is gone.")]
    found = [
        Found("DECISION_EVIDENCE", f"Entry {event.seq} approved on nothing for {requirement}.")
        for requirement in package.unanswered
    ]
    if Counter(package.demanded) - Counter(package.slots):
        found.append(
            Found(
                "DECISION_GATE",
                f"The package of entry {event.seq} asks for fewer signatures than its gate.",
            )
        )
    approvals = {
        row.slot: row.person
        for _, row in given
        if row.digest == digest and row.verdict in APPROVALS
    }
    lacking = sorted({*package.slots, *package.demanded} - approvals.keys())
    if lacking or len(set(approvals.values())) < len(approvals):
        said = f" Nobody signed as {', '.join(lacking)}." if lacking else ""
        found.append(
            Found("DECISION_QUORUM", f"Entry {event.seq} approved without its quorum.{said}")
        )
    return found


def _state(decided: Decided, last: Event | None) -> list[Found]:
    """Whether a row that says it was decided has the entry of it."""
    said = last.event.removeprefix("promotion.") if last else ""
    if decided.state in ("approved", "rejected") and decided.state != said:
        return [
            Found("DECISION_UNLOGGED", f"It is {decided.state}, and no entry of the log says so.")
        ]
    return []
