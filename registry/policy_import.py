"""Packs that are kept in git: from YAML texts to drafts, in one change; and the plan of it.

A plan is the import itself, undone at its end: it meets the same rules and the same rights, so
that it cannot promise what the import then refuses. What comes in is a draft, which binds nobody;
a second person publishes it as any other.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import audit
from audit import Change, Reason, Refused
from audit.refusals import Conflict
from audit.rules import canonical, digest
from registry import rights
from registry.comparing import differences
from registry.models import Person, PolicyPack, PolicyVersion, UseCase
from registry.policy import About, Problem, Read, read_pack, read_yaml, validate
from registry.policy.packs import line_of
from registry.transitions.policies import bound_use_cases, known, save_draft_in
from registry.transitions.rows import save_in

#: Packs that come in at once; an organisation has fewer.
MOST_FILES = 50


@dataclass(frozen=True)
class Source:
    """A YAML text and what to call it: the name of its file."""

    name: str
    text: str

    def __str__(self) -> str:
        read = hashlib.sha256(self.text.encode("utf-8", "surrogatepass")).hexdigest()
        return f"{self.name} (sha256:{read})"


@dataclass(frozen=True)
class Said:
    """A text as it was read: which pack, and its clauses as they stand in the document."""

    source: Source
    read: Read
    about: About


@dataclass(frozen=True)
class Step:
    """One line of a plan: `verb` is create, change or link (it is so already)."""

    verb: str
    noun: str
    name: str
    because: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    """What an import does, or did."""

    sources: tuple[str, ...]
    steps: tuple[Step, ...]

    @property
    def digest(self) -> str:
        """The digest of the plan; it is the same as long as nothing it rests on changed."""
        return digest(canonical(asdict(self)))

    @property
    def writes(self) -> bool:
        """Whether there is anything to write."""
        return any(step.verb != "link" for step in self.steps)

    def as_document(self) -> dict:
        """Return the plan as a JSON document, with the count of each verb."""
        counts = dict.fromkeys(("create", "change", "link", "skip", "conflict"), 0)
        for step in self.steps:
            counts[step.verb] += 1
        return {**asdict(self), "counts": counts, "digest": self.digest}


class _Undone(Exception):
    """Ends the change of a plan, so that nothing of it is kept."""


def read(sources: Sequence[Source]) -> list[Said]:
    """Read the texts. Raises `Refused` with every problem of all of them, each with its line."""
    if len(sources) > MOST_FILES:
        raise Refused(Reason("TOO_MANY", f"Bring in at most {MOST_FILES} files at once.", "text"))
    found: list[Said] = []
    reasons: list[Reason] = []
    for source in sources:
        document = read_yaml(source.text)
        problems = list(document.problems)
        about = None
        if not problems:
            about, problems = read_pack(document.document, document.lines)
        reasons += _reasons(source, problems, sources)
        if about and any(one.about.slug == about.slug for one in found):
            twice = Problem(f"The pack {about.slug} stands in two files.", 1)
            reasons += _reasons(source, [twice], sources)
        elif about:
            found.append(Said(source, document, about))
    if reasons:
        raise Refused(reasons)
    return found


def _reasons(source: Source, problems: Iterable[Problem], all_of_them: Sequence) -> list[Reason]:
    """Return problems as reasons; of several files, each names its own."""
    where = f"{source.name}: " if len(all_of_them) > 1 else ""
    return [Reason("POLICY_REFUSED", f"{where}{problem}", "text") for problem in problems]


def make(sources: Sequence[Source], *, actor: Person) -> Plan:
    """Return what `carry_out` would do now; it is undone and nothing is written."""
    said = read(sources)
    plan = None
    try:
        with audit.change(actor=actor, reason="The plan of an import, undone.") as change:
            plan = _carried(change, said, actor)
            raise _Undone
    except _Undone:
        return plan


def carry_out(sources: Sequence[Source], *, actor: Person, reason: str, shown: str = "") -> Plan:
    """Make or amend a draft of each pack, in one change that names its sources.

    With `shown`, the digest of the plan that somebody agreed to, it raises `Conflict` when the
    plan is another by now. Raises `NotAllowed` and `Refused`, and then nothing is written.
    """
    said = read(sources)
    named = "; ".join(str(source) for source in sources)
    mark = f"{reason.strip()} [Import of policy {named}]" if reason.strip() else ""
    with audit.change(actor=actor, reason=mark) as change:
        plan = _carried(change, said, actor)
        if shown and shown != plan.digest:
            raise Conflict(
                Reason("PLAN_CHANGED", "The plan is another since it was shown. Look at it again.")
            )
    return plan


def _carried(change: Change, said: list[Said], actor: Person) -> Plan:
    person = rights.acting(change, actor)
    rights.demand(person, "write_policy", PolicyVersion)
    slugs = [one.about.slug for one in said]
    keys = PolicyPack._base_manager.filter(slug__in=slugs).values_list("slug", "pk")
    places = dict(keys)
    if places:
        change.lock(PolicyPack, *places.values())
    steps: list[Step] = []
    reasons: list[Reason] = []
    for one in said:
        try:
            steps += _one(change, person, one, places.get(one.about.slug))
        except Refused as refused:
            # The rest is read as well, so that everything is told at once.
            where = f"{one.source.name}: " if len(said) > 1 else ""
            reasons += [
                Reason(reason.code, f"{where}{reason.sentence}", "text")
                for reason in refused.reasons
            ]
    if reasons:
        raise Refused(reasons)
    return Plan(tuple(str(one.source) for one in said), tuple(steps))


def _one(change: Change, person: Person, said: Said, pack_pk: int | None) -> list[Step]:
    """Bring in one pack and return what was done."""
    about = said.about
    pack = PolicyPack._base_manager.get(pk=pack_pk) if pack_pk else None
    use_cases, problems = _bound(person, said)
    problems += _set_once(pack, said)
    clauses, more = validate(said.read.document, known(), said.read.lines)
    if problems or more:
        everything = sorted([*problems, *more], key=lambda one: one.line)
        raise Refused([Reason("POLICY_REFUSED", str(one), "text") for one in everything])
    steps = []
    pack, step = _pack(change, person, pack, about)
    steps.append(step)
    versions = PolicyVersion._base_manager.filter(pack=pack).order_by("-number")
    newest = versions.first()
    bound = bound_use_cases(newest) if newest else []
    wanted = bound if use_cases is None else use_cases
    drafted = newest is not None and newest.published_at is None
    notes = about.notes if about.notes is not None else newest.notes if drafted else ""
    differs = newest is None or (newest.clauses, bound) != (clauses, wanted)
    if not differs and not (drafted and newest.notes != notes):
        return [*steps, Step("link", "policy version", str(newest), "It says exactly this.")]
    before = {"clauses": newest.clauses if newest else {}, "use_cases": _slugs(bound)}
    after = {"clauses": clauses, "use_cases": _slugs(wanted)}
    draft = save_draft_in(
        change,
        person,
        newest.pk if drafted else None,
        pack=pack.pk,
        clauses=clauses,
        use_cases=wanted,
        notes=notes,
        lines=said.read.lines,
    )
    details = {
        "changes": [one.sentence for one in differences(before, after)],
        "use_cases": after["use_cases"],
    }
    because = "The draft becomes what the file says." if drafted else "A draft, which binds nobody."
    verb = "change" if drafted else "create"
    return [*steps, Step(verb, "policy version", str(draft), because, details)]


def _slugs(use_cases: list[int]) -> list[str]:
    found = UseCase._base_manager.filter(pk__in=use_cases)
    return sorted(found.values_list("slug", flat=True))


def _bound(person: Person, said: Said) -> tuple[list[int] | None, list[Problem]]:
    """Return the keys of the use cases that a document binds, None where it says nothing."""
    slugs = said.about.use_cases
    if slugs is None:
        return None, []
    found = dict(
        UseCase.objects.visible_to(person).filter(slug__in=slugs).values_list("slug", "pk")
    )
    line = line_of(said.read.lines, "pack/use_cases")
    problems = [Problem(f"There is no use case {one}.", line) for one in slugs if one not in found]
    return sorted(found.values()), problems


def _set_once(pack: PolicyPack | None, said: Said) -> list[Problem]:
    """Tell what a document says otherwise of a pack that keeps it, or leaves out of a new one."""
    about, lines = said.about, said.read.lines
    if pack is None:
        missing = [name for name in ("name", "layer") if not getattr(about, name)]
        return [
            Problem(f"The pack {about.slug} is new. Give its {name}.", line_of(lines, "pack/slug"))
            for name in missing
        ]
    problems = []
    for name in ("layer", "jurisdiction"):
        wanted, there = getattr(about, name), getattr(pack, name)
        if wanted is not None and wanted != there:
            sentence = (
                f"The {name} of {pack.slug} is {there or 'none'} and never changes. "
                "Make another pack."
            )
            problems.append(Problem(sentence, line_of(lines, f"pack/{name}")))
    return problems


def _pack(
    change: Change, person: Person, pack: PolicyPack | None, about: About
) -> tuple[PolicyPack, Step]:
    if pack is None:
        values = {
            "slug": about.slug,
            "layer": about.layer,
            "jurisdiction": about.jurisdiction or "",
            **about.columns,
        }
        pack = save_in(change, person, PolicyPack, None, values=values)
        where = f"At the layer {pack.get_layer_display()}."
        return pack, Step("create", "policy pack", pack.slug, where)
    new = {name: text for name, text in about.columns.items() if getattr(pack, name) != text}
    if not new:
        return pack, Step("link", "policy pack", pack.slug, "It is here already.")
    pack = save_in(change, person, PolicyPack, pack.pk, values=new)
    because = f"It gets another {' and '.join(sorted(new))}."
    return pack, Step("change", "policy pack", pack.slug, because)
