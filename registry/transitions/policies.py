"""Policy packs and their versions: drafted by one person, published by another."""

from collections.abc import Iterable, Mapping
from typing import Any

import audit
from audit import Change, Reason, Refused
from audit.refusals import Conflict, NotAllowed
from audit.rules import canonical, digest
from registry import documents, rights
from registry.models import (
    Metric,
    Person,
    PolicyPack,
    PolicyUseCase,
    PolicyVersion,
    Provider,
    Region,
    Tool,
    UseCase,
)
from registry.policy import Known, validate
from registry.transitions.rows import next_number

#: The layers whose packs name the use cases they bind.
BINDING = (PolicyPack.Layer.DOMAIN, PolicyPack.Layer.USE_CASE)


def known() -> Known:
    """Return every slug that a clause may name now; five queries."""

    def slugs(model) -> frozenset[str]:
        return frozenset(model.objects.values_list("slug", flat=True))

    metrics = Metric.objects.order_by("suite_version__number").values_list(
        "suite_version__suite__slug", "name", "higher_is_better"
    )
    return Known(
        region=slugs(Region),
        provider=slugs(Provider),
        use_case=slugs(UseCase),
        tool=slugs(Tool),
        metrics={(suite, name): more for suite, name, more in metrics},
    )


def save_policy_draft(
    pk: int | None,
    *,
    pack: int | None = None,
    clauses: Mapping[str, Any],
    use_cases: Iterable[int] | None = None,
    notes: str = "",
    lines: Mapping[str, int] | None = None,
    actor,
    reason: str,
) -> PolicyVersion:
    """Create (`pk` None, of `pack`) or amend a draft, and return it.

    `clauses` maps keys to {"value", "why"}; `use_cases` are keys, None keeps those bound;
    `lines` are where clauses stand in a YAML text, to say so. Raises `Refused` with every problem
    at once, `NotAllowed`, and `Conflict` for a published version or a second draft.
    """
    with audit.change(actor=actor, reason=reason) as change:
        person = rights.acting(change, actor)
        return save_draft_in(
            change,
            person,
            pk,
            pack=pack,
            clauses=clauses,
            use_cases=use_cases,
            notes=notes,
            lines=lines,
        )


def save_draft_in(
    change: Change,
    person: Person,
    pk: int | None,
    *,
    pack: int | None = None,
    clauses: Mapping[str, Any],
    use_cases: Iterable[int] | None = None,
    notes: str = "",
    lines: Mapping[str, int] | None = None,
) -> PolicyVersion:
    """Do what `save_policy_draft` does within a change that is open; `person` acts in it."""
    if pk is None:
        rights.demand(person, "write_policy", PolicyVersion)
        number = next_number(change, PolicyPack, pack, "versions")
        draft = PolicyVersion(pack_id=pack, number=number, drafted_by=person)
    else:
        draft = change.lock(PolicyVersion, pk)
        rights.demand(person, "write_policy", draft)
        refuse_published(draft)
    kept, problems = validate({"clauses": clauses}, known(), lines)
    reasons = [Reason("CLAUSE_REFUSED", str(problem), "clauses") for problem in problems]
    wanted = bound_use_cases(draft) if use_cases is None else sorted(set(use_cases))
    reasons += _binding_problems(draft.pack, wanted)
    if reasons:
        raise Refused(reasons)
    if pk is None or (draft.clauses, draft.notes) != (kept, notes):
        draft.clauses, draft.notes = kept, notes
        change.save(draft)
    change.sync_parts(draft, PolicyUseCase, [{"use_case_id": key} for key in wanted])
    return draft


def new_policy_version_from(pk: int, *, actor, reason: str) -> PolicyVersion:
    """Return a draft that begins as version `pk`, numbered next in its pack.

    Raises `Conflict` when the pack has a draft already.
    """
    pack = PolicyVersion._base_manager.values_list("pack_id", flat=True).get(pk=pk)
    with audit.change(actor=actor, reason=reason) as change:
        person = rights.acting(change, actor)
        rights.demand(person, "write_policy", PolicyVersion)
        number = next_number(change, PolicyPack, pack, "versions")
        source = change.lock(PolicyVersion, pk)
        draft = change.save(
            PolicyVersion(pack_id=pack, number=number, clauses=source.clauses, drafted_by=person),
            facts={"from": source.key},
        )
        for key in bound_use_cases(source):
            change.save(PolicyUseCase(version=draft, use_case_id=key))
    return draft


def publish_policy_version(
    pk: int, *, seen: str | None = None, actor, reason: str
) -> PolicyVersion:
    """Publish a draft: from this instant every decision is judged by it.

    `seen` is the digest of the document that the publisher read; another one by now is refused.
    Raises `NotAllowed` for whoever wrote on the draft, `Refused` for clauses that cannot be met by
    what is registered now, `Conflict` for a published version.
    """
    with audit.change(actor=actor, reason=reason) as change:
        person = rights.acting(change, actor)
        draft = change.lock(PolicyVersion, pk)
        rights.demand(person, "write_policy", draft)
        refuse_published(draft)
        if why := publishing_objections(person, draft):
            raise NotAllowed(why)
        content = canonical(documents.policy_version(draft))
        if seen is not None and seen != digest(content):
            raise Conflict(
                Reason("CHANGED", "The draft changed while you were reading. Look at it again.")
            )
        _, problems = validate({"clauses": draft.clauses}, known())
        reasons = [Reason("CLAUSE_REFUSED", str(problem)) for problem in problems]
        reasons += _binding_problems(draft.pack, bound_use_cases(draft))
        if reasons:
            raise Refused(reasons)
        return _publish(change, draft, person, content)


def _publish(change: Change, draft: PolicyVersion, person: Person, content: bytes):
    draft.content, draft.digest = content.decode(), digest(content)
    draft.published_at, draft.published_by = change.now, person
    return change.save(draft, event="policyversion.published", facts={"digest": draft.digest})


def publishing_objections(person: Person, draft: PolicyVersion) -> list[Reason]:
    """Return why `person` is not the second one: whoever wrote on a draft does not publish it."""
    hands = {draft.drafted_by_id}
    for history, where in (
        (PolicyVersion.history, {"id": draft.pk}),
        (PolicyUseCase.history, {"version": draft.pk}),
    ):
        hands |= set(history.filter(**where).values_list("history_user_id", flat=True))
    if person.pk in hands:
        return [Reason("WROTE_IT", "You wrote on this draft. Another policy author publishes it.")]
    return []


def draft_digest(draft: PolicyVersion) -> str:
    """Return the digest that the draft would be published under as it is now."""
    return digest(canonical(documents.policy_version(draft)))


def bound_use_cases(version: PolicyVersion) -> list[int]:
    """Return the keys of the use cases that a version binds."""
    links = PolicyUseCase._base_manager.filter(version=version.pk)
    return sorted(links.values_list("use_case_id", flat=True))


def refuse_published(version: PolicyVersion) -> None:
    """Raise `Conflict` for a published version, naming the way on."""
    if version.published_at is not None:
        raise Conflict(
            Reason(
                "SEALED",
                "This version is published and never changes. Make a new one from it.",
            )
        )


def _binding_problems(pack: PolicyPack, use_cases: list[int]) -> list[Reason]:
    if pack.layer not in BINDING:
        if use_cases:
            where = "everywhere" if pack.layer == "organisation" else "by its jurisdiction"
            sentence = f"A pack of this layer binds {where}. Name no use case."
            return [Reason("NOT_BOUND_BY_USE_CASE", sentence, "use_cases")]
        return []
    if not use_cases:
        return [Reason("BINDS_NOTHING", "Name the use cases that it binds.", "use_cases")]
    if pack.layer == PolicyPack.Layer.USE_CASE and len(use_cases) > 1:
        sentence = "A use case's pack binds one use case. Make a domain pack for several."
        return [Reason("BINDS_SEVERAL", sentence, "use_cases")]
    return []
