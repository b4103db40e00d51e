"""One requirement judged against the facts is a finding; `assess` judges them all."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial

from gates.rules.facts import Demand, Evidence, Facts, Known, Requirement, Score

STAGES = ("sandbox", "production", "regulated")


class Status(StrEnum):
    """How a requirement stands; all but met and waived stand in the way."""

    MET = "met"
    MISSING = "missing"
    STALE = "stale"
    FAILED = "failed"
    WAIVED = "waived"


@dataclass(frozen=True)
class Finding:
    """One requirement judged, with what would fix it and what it rests on."""

    code: str
    gate: str
    status: Status
    sentence: str
    fact: str
    fix: str = ""
    #: Where it is fixed: ("evidence", kind), ("score", ""), ("metadata", code), ("verify", "").
    fix_at: tuple[str, str] = ("", "")
    evidence: tuple[str, ...] = ()
    runs: tuple[int, ...] = ()
    #: The instant the finding stops holding by itself, if it does.
    until: datetime | None = None
    #: The waiver that stands in for it, or did until it ended.
    waiver: int | None = None

    @property
    def rests_on(self) -> tuple[tuple[str, ...], tuple[int, ...]]:
        """The evidence and the runs that hold it up: none where a waiver does."""
        return (self.evidence, self.runs) if self.waiver is None else ((), ())

    @property
    def stands_in_the_way(self) -> bool:
        """Whether approving must wait for this."""
        return self.status not in (Status.MET, Status.WAIVED)


def effective_gate(stage: str, risk_tier: str) -> str:
    """Return the higher of the environment's stage gate and the one that the tier demands.

    Outside the sandbox a high-risk use case meets the regulated gate wherever it runs.
    """
    if stage != "sandbox" and risk_tier == "high":
        return "regulated"
    return stage


def gates_up_to(gate: str) -> tuple[str, ...]:
    """Return the gates that make up `gate`, weakest first: gates are cumulative."""
    return STAGES[: STAGES.index(gate) + 1]


def applies(requirement: Requirement, facts: Facts) -> bool:
    """Whether the requirement's tiers and classifications name this use case."""
    return applies_to(requirement, facts.risk_tier, facts.data_classification)


def applies_to(requirement: Requirement, risk_tier: str, data_classification: str) -> bool:
    """Whether the requirement is asked of a use case of that tier and classification."""
    tiers = requirement.terms.get("tiers")
    classifications = requirement.terms.get("classifications")
    return (tiers is None or risk_tier in tiers) and (
        classifications is None or data_classification in classifications
    )


def assess(requirements: Iterable[Requirement], facts: Facts, at: datetime) -> list[Finding]:
    """Return one finding per requirement that applies, in the order given."""
    return [
        _JUDGES[requirement.type](requirement, facts, at)
        for requirement in requirements
        if applies(requirement, facts)
    ]


def in_the_way(findings: Iterable[Finding]) -> list[Finding]:
    """Return the findings that stand in the way, failed before missing before stale."""
    order = (Status.FAILED, Status.MISSING, Status.STALE)
    return sorted(
        (finding for finding in findings if finding.stands_in_the_way),
        key=lambda finding: order.index(finding.status),
    )


def day(instant: datetime) -> str:
    """Return the day of an instant as people read it: "21 Nov 2026"."""
    return f"{instant.day} {instant:%b %Y}"


def _evidence(requirement: Requirement, facts: Facts, at: datetime) -> Finding:
    """The newest item of the kind decides; the finding rests on the newest that still holds."""
    terms = requirement.terms
    kind = terms["kind"]
    finding = partial(
        Finding,
        code=requirement.code,
        gate=requirement.gate,
        sentence=requirement.sentence,
        fix_at=("evidence", kind),
    )
    of_kind = [item for item in facts.evidence if item.kind == kind]
    standing = [
        item
        for item in of_kind
        if (item.withdrawn_at is None or item.withdrawn_at > at)
        and ("standings" not in terms or item.standing in terms["standings"])
    ]
    if standing:
        newest = max(standing, key=lambda item: item.created_at)
        if newest.verdict == "fail":
            return finding(
                status=Status.FAILED,
                fact=f"“{newest.title}” of {day(newest.created_at)} failed.",
                fix="Mend what failed in a new release, or give newer evidence that passes.",
                evidence=(newest.id,),
            )
    wanted = [item for item in standing if item.verdict in terms["verdicts"]]
    good = [item for item in wanted if not item.held and _is_whole(item, terms)]
    taken_in = [item for item in good if item.taken_in]
    if not taken_in:
        return finding(status=Status.MISSING, **_missing(terms, of_kind, standing, wanted))

    def holds_until(item: Evidence) -> datetime:
        aged = timedelta(days=terms["max_age_days"]) if "max_age_days" in terms else None
        return min(item.expires_at, item.created_at + aged) if aged else item.expires_at

    best = max(taken_in, key=lambda item: (holds_until(item) > at, item.created_at))
    until = holds_until(best)
    if until <= at:
        return finding(
            status=Status.STALE,
            fact=f"“{best.title}” by {best.author} ended on {day(until)}.",
            fix="Give newer evidence of this kind and take it in.",
            evidence=(best.id,),
            until=until,
        )
    if terms.get("rollback") and (why := _rollback_objection(best, facts)):
        return finding(
            status=Status.FAILED,
            fact=why,
            fix="Give a rollback plan whose target is approved there now.",
            evidence=(best.id,),
            until=until,
        )
    beside = " Its run is partial." if best.partial else ""
    return finding(
        status=Status.MET,
        fact=f"“{best.title}” by {best.author}, {day(best.created_at)}.{beside}",
        evidence=(best.id,),
        until=until,
    )


def _is_whole(item: Evidence, terms: Mapping) -> bool:
    """Whether a benchmark has a complete run, or need not have one."""
    return item.kind != "benchmark" or not item.partial or bool(terms.get("partial"))


def _missing(terms: Mapping, of_kind: list, standing: list, wanted: list) -> dict[str, str]:
    """Say which of the several ways of being missing this is."""
    whole = [item for item in wanted if _is_whole(item, terms)]
    good = [item for item in whole if not item.held]
    if wanted and not whole:
        return {
            "fact": f"“{wanted[-1].title}” has only a partial run.",
            "fix": "Give evidence with a complete run.",
        }
    if wanted and not good:
        return {
            "fact": f"A file of “{whole[-1].title}” is not handed out: {whole[-1].held}",
            "fix": "Give evidence whose files pass the scan, or wait until they are scanned.",
        }
    if good:
        return {
            "fact": f"“{good[0].title}” arrived after this was submitted.",
            "fix": "The requester takes the newer evidence in.",
        }
    if standing:
        return {
            "fact": f"“{standing[0].title}” only notes; a verdict is wanted.",
            "fix": f"Give evidence whose verdict is {' or '.join(terms['verdicts'])}.",
        }
    if any(item.withdrawn_at for item in of_kind):
        withdrawn = next(item for item in of_kind if item.withdrawn_at)
        return {
            "fact": f"“{withdrawn.title}” was withdrawn on {day(withdrawn.withdrawn_at)}.",
            "fix": "Give new evidence of this kind.",
        }
    if of_kind:
        return {
            "fact": f"“{of_kind[0].title}” is {of_kind[0].standing.replace('_', '-')}.",
            "fix": f"Give evidence that is {' or '.join(terms['standings'])}.",
        }
    return {"fact": "Nothing was given.", "fix": "Give evidence of this kind."}


def _rollback_objection(plan: Evidence, facts: Facts) -> str:
    if plan.rollback == "switch_off":
        return ""
    if plan.rollback in facts.approved_releases:
        return ""
    return "The release that the plan puts back is not approved in this environment."


def _score(requirement: Requirement, facts: Facts, at: datetime) -> Finding:
    """Every demanded score, the worst first to be told; no demand at all is missing too."""
    finding = partial(
        Finding,
        code=requirement.code,
        gate=requirement.gate,
        sentence=requirement.sentence,
        fix_at=("score", ""),
    )
    if not facts.demands:
        return finding(
            status=Status.MISSING,
            fact="The use case demands no score.",
            fix="Name the suites, metrics and thresholds that the use case demands.",
            fix_at=("demands", ""),
        )
    oldest = requirement.terms.get("max_age_days")
    scores = [_aged(score, oldest) for score in facts.scores] if oldest else facts.scores
    if requirement.terms.get("partial"):
        scores = [replace(score, partial_allowed=True) for score in scores]
    judged = [_judge_demand(demand, scores, at) for demand in facts.demands]
    order = (Status.FAILED, Status.MISSING, Status.STALE, Status.MET)
    worst = min(judged, key=lambda one: order.index(one.status))
    untils = [one.until for one in judged if one.until]
    return finding(
        status=worst.status,
        fact=" ".join(one.fact for one in judged),
        fix=worst.fix,
        evidence=tuple(sorted({one.basis.item for one in judged if one.basis})),
        runs=tuple(sorted({one.basis.run for one in judged if one.basis})),
        until=min(untils) if untils else None,
    )


def _aged(score: Score, days: int) -> Score:
    """Return the score with the end that its age gives it, if that is sooner."""
    return replace(score, expires_at=min(score.expires_at, score.ran_at + timedelta(days=days)))


@dataclass(frozen=True)
class _Judged:
    status: Status
    fact: str
    fix: str = ""
    basis: Score | None = None
    until: datetime | None = None


def _judge_demand(demand: Demand, scores: Iterable[Score], at: datetime) -> _Judged:
    """Judge by the newest run on the release, or on its version if the release has none."""
    of_metric = [score for score in scores if score.metric == demand.metric]
    counting = [score for score in of_metric if score.counts]
    subject = "release" if any(one.subject == "release" for one in counting) else "version"
    counting = [score for score in counting if score.subject == subject]
    taken_in = [score for score in counting if score.taken_in]
    basis = max(taken_in, key=lambda one: one.order, default=None)
    newest = max(counting, key=lambda one: one.order, default=None)
    if newest and not demand.met_by(newest.value):
        return _Judged(
            Status.FAILED,
            f"{demand.name} is {newest.text}, not {demand.bound} "
            f"({newest.called} on the {subject}, {day(newest.ran_at)}).",
            "A newer run that passes, or a new release.",
            newest,
            newest.expires_at,
        )
    if basis is None:
        if counting:
            fix = "The requester takes the newer run in."
            fact = f"{demand.name}: {newest.called} came after this was submitted."
        elif any(not (one.complete or one.partial_allowed or one.withdrawn) for one in of_metric):
            fix, fact = "Give a complete run.", f"{demand.name} has only a partial run."
        elif waiting := [one for one in of_metric if not one.accepted and not one.withdrawn]:
            fix = "Somebody other than its giver accepts the run."
            fact = f"{demand.name}: {waiting[0].called} waits to be accepted."
        else:
            fix = "Give a run of the suite."
            fact = f"{demand.name} was not measured; {demand.bound} is demanded."
        return _Judged(Status.MISSING, fact, fix)
    where = f"{basis.called} on the {subject}, {day(basis.ran_at)}"
    if basis.expires_at <= at:
        return _Judged(
            Status.STALE,
            f"{demand.name} {basis.text} ({where}) ended on {day(basis.expires_at)}.",
            "Give a newer run.",
            basis,
            basis.expires_at,
        )
    return _Judged(
        Status.MET,
        f"{demand.name} {basis.text}, {demand.bound} ({where}).",
        basis=basis,
        until=basis.expires_at,
    )


def _metadata(requirement: Requirement, facts: Facts, at: datetime) -> Finding:
    if requirement.terms.get("lineage"):
        gaps = list(facts.lineage_gaps)
        fix = "Record the digests that are missing."
        first = "lineage"
    else:
        unknown = [
            facts.metadata.get(code, Known(code, code.replace("_", " "), False))
            for code in requirement.terms["fields"]
        ]
        unknown = [fact for fact in unknown if not fact.known]
        gaps = [f"{fact.label} is not recorded." for fact in unknown]
        fix = " ".join(fact.fix for fact in unknown if fact.fix)
        first = unknown[0].code if unknown else ""
    return Finding(
        code=requirement.code,
        gate=requirement.gate,
        sentence=requirement.sentence,
        status=Status.MISSING if gaps else Status.MET,
        fact=" ".join(gaps) or "All of it is there.",
        fix=fix if gaps else "",
        fix_at=("metadata", first) if gaps else ("", ""),
    )


def _check(requirement: Requirement, facts: Facts, at: datetime) -> Finding:
    """Judge by the last recorded verification: of what it claims, and not older than it may be."""
    check = requirement.terms["check"]
    verified, rows, command = {
        "evidence_complete": (
            facts.evidence_verified,
            facts.evidence_rows,
            "audit_verify --evidence all",
        ),
        "log_traceable": (facts.record_verified, facts.rows, "audit_verify"),
    }[check]
    finding = partial(
        Finding,
        code=requirement.code,
        gate=requirement.gate,
        sentence=requirement.sentence,
        fix_at=("verify", ""),
    )
    run_it = f"An operator runs `manage.py {command}`."
    if verified is None:
        return finding(
            status=Status.MISSING, fact="The record has not been verified yet.", fix=run_it
        )
    when = f"{verified.finished_at:%d %b %Y %H:%M} UTC"
    broken = [
        sentence
        for row, sentence in verified.broken
        if row in rows or (not row and check == "log_traceable")
    ]
    if broken:
        return finding(
            status=Status.FAILED,
            fact=f"The verification of {when} found: {' '.join(broken)}",
            fix="Find out what happened, put it right, and verify again.",
        )
    if verified.incomplete:
        return finding(
            status=Status.MISSING,
            fact=f"The verification of {when} could not check: {' '.join(verified.incomplete)}",
            fix=run_it,
        )
    if verified.position < facts.rows_position:
        return finding(
            status=Status.STALE,
            fact=f"The verification of {when} is older than what this rests on.",
            fix=run_it,
        )
    until = verified.finished_at + timedelta(hours=requirement.terms["max_age_hours"])
    if until <= at:
        return finding(
            status=Status.STALE,
            fact=f"The last verification was on {when}.",
            fix=run_it,
        )
    return finding(status=Status.MET, fact=f"Verified on {when}; nothing disagrees.", until=until)


_JUDGES: Mapping[str, Callable[[Requirement, Facts, datetime], Finding]] = {
    "evidence": _evidence,
    "score": _score,
    "metadata": _metadata,
    "check": _check,
}
