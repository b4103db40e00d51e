"""What the policy in force says of releases at their endpoints: gathered, then judged by rules.

A fixed number of queries for any number of releases; while no pack is in force, only the one
that finds so.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Q

from evidence.models import EvidenceItem, Score
from gates.rules import Finding, Status
from registry.effective import InForce, in_force
from registry.models import Environment, ModelVersion, Release, ServingEndpoint, UseCase
from registry.policy import (
    Breach,
    Effective,
    EndpointFacts,
    Facts,
    Measured,
    Verdict,
    effective_of,
    judgements,
)


@dataclass(frozen=True)
class Asked:
    """One release in one environment at endpoints by slug; `key` is the asker's own."""

    key: Any
    release: Release
    environment: Environment
    endpoints: tuple[str, ...]


@dataclass(frozen=True)
class Judged:
    """The policy for what was asked, each clause judged, and the evidence it leaned on."""

    policy: Effective = field(default_factory=lambda: effective_of(()))
    verdicts: tuple[Verdict, ...] = ()
    #: id -> item, of the evidence that a clause is met by.
    items: Mapping[str, EvidenceItem] = field(default_factory=dict)
    #: "slug vN" -> when that version was published.
    published_at: Mapping[str, datetime] = field(default_factory=dict)

    @property
    def breaches(self) -> tuple[Breach, ...]:
        """Every way in which it is against the policy."""
        return tuple(breach for verdict in self.verdicts for breach in verdict.breaches)


def judged(
    asked: Iterable[Asked],
    at: datetime,
    number: int | None = None,
    *,
    up_to: int | None = None,
    force: InForce | None = None,
) -> dict[Any, Judged]:
    """Return {key: what policy says}, as known after change `number`, or now.

    `up_to` is the number of the change up to which passing evidence is taken in; `force` takes
    the place of the packs in force, to try what a draft would do.
    """
    asked = list(asked)
    force = in_force(number) if force is None else force
    if not force.published or not asked:
        return {one.key: Judged() for one in asked}
    places = _jurisdictions(asked, number)
    classes = _use_cases(asked, number)
    bound = {
        one.key: (classes[one.release.use_case_id][0], places[one.environment.pk]) for one in asked
    }
    # Merging packs takes its time, and many releases are bound by the same ones.
    merged = {key: force.of(*key) for key in set(bound.values())}
    policies = {key: merged[by] for key, by in bound.items()}
    read = _Reader(asked, merged.values(), at, number, up_to)
    published_at = {str(one.pack): one.version.published_at for one in force.published}
    found = {}
    for one in asked:
        slug, classification = classes[one.release.use_case_id]
        policy = policies[one.key]
        facts = read.facts(one, slug, classification)
        found[one.key] = Judged(policy, tuple(judgements(policy, facts)), read.items, published_at)
    return found


def policy_findings(judged_: Judged) -> list[Finding]:
    """Return one finding per clause that speaks of releases, of the gate "policy"."""
    return [_finding(verdict, judged_) for verdict in judged_.verdicts]


def _finding(verdict: Verdict, judged_: Judged) -> Finding:
    held, breaches = verdict.held, verdict.breaches
    if not breaches:
        status = Status.MET
    else:
        status = Status.MISSING if all(one.missing for one in breaches) else Status.FAILED
    untils = [judged_.items[pk].expires_at for pk in verdict.rests_on if pk in judged_.items]
    packs = ", ".join(str(origin) for origin in held.set_by)
    kind = held.key.removeprefix("require.") if held.key.startswith("require.") else ""
    return Finding(
        code=held.key,
        gate="policy",
        status=status,
        sentence=f"{held.kind.title.rstrip('.')}: {held.words} ({packs}).",
        fact=" ".join(one.sentence for one in breaches) or verdict.fact,
        fix=_fix(held.key) if breaches else "",
        fix_at=("evidence", kind) if breaches and kind in KINDS_ASKED else ("policy", held.key),
        evidence=() if breaches else verdict.rests_on,
        until=min(untils) if untils and not breaches else None,
    )


#: What a pack may require by kind of evidence.
KINDS_ASKED = ("independent_validation", "red_team", "privacy_review", "safety_check")
_FIXES = {
    "residency": "Ask for endpoints that keep to these regions, or record where they are.",
    "data_classification": "Serve a use case with less closely held data here.",
    "providers": "Ask for endpoints, or make a release, of providers that are allowed.",
    "use_cases": "The policy does not let this use case in.",
    "tools": "Make a new release whose tools and their authorisation the policy allows.",
    "safety": "Give a run that keeps to the bound; somebody else accepts it.",
    "require": "Give what is required.",
}


def _fix(key: str) -> str:
    return _FIXES[key.partition(".")[0]]


def _jurisdictions(asked: list[Asked], number: int | None) -> dict[int, str]:
    if number is None:
        return {one.environment.pk: one.environment.jurisdiction for one in asked}
    keys = {one.environment.pk for one in asked}
    rows = Environment.history.filter(id__in=keys, change__number__lte=number)
    newest_last = rows.order_by("change__number", "history_id")
    return dict.fromkeys(keys, "") | dict(newest_last.values_list("id", "jurisdiction"))


def _use_cases(asked: list[Asked], number: int | None) -> dict[int, tuple[str, str]]:
    """Slug and data classification of each use case, now or then."""
    keys = {one.release.use_case_id for one in asked}
    now = UseCase.objects.filter(pk__in=keys).values_list("pk", "slug", "data_classification")
    found = {pk: (slug, held) for pk, slug, held in now}
    if number is not None:
        rows = UseCase.history.filter(id__in=keys, change__number__lte=number)
        then = rows.order_by("change__number", "history_id")
        for pk, slug, held in then.values_list("id", "slug", "data_classification"):
            found[pk] = (slug, held)
    return found


class _Reader:
    """Reads the facts of all that was asked at once."""

    def __init__(self, asked, policies: Iterable[Effective], at, number, up_to):
        self.asked, self.at, self.number, self.up_to = asked, at, number, up_to
        keys = {key for policy in policies for key in policy.clauses}
        self.items: dict[str, EvidenceItem] = {}
        self.endpoints = self._endpoints()
        self.versions = {one.release.model_version_id for one in asked}
        makers = ModelVersion.objects.filter(pk__in=self.versions)
        self.makers = dict(makers.values_list("pk", "maker__slug"))
        self.grants = _grants(asked)
        kinds = {key.removeprefix("require.") for key in keys} & set(KINDS_ASKED)
        self.evidence = self._evidence(kinds) if kinds else []
        self.metrics = {
            key.removeprefix("safety.").partition(".")[0]
            for key in keys
            if key.startswith("safety.")
        }
        self.scores = self._scores() if self.metrics else []
        self._found_of: dict[int, tuple[dict, dict]] = {}

    def facts(self, one: Asked, use_case: str, classification: str) -> Facts:
        # Of a release it is the same at each of its endpoints.
        if one.release.pk not in self._found_of:
            found = self._measured(one.release), self._passing(one.release)
            self._found_of[one.release.pk] = found
        scores, passing = self._found_of[one.release.pk]
        return Facts(
            use_case=use_case,
            data_classification=classification,
            maker=self.makers.get(one.release.model_version_id),
            endpoints=tuple(
                self.endpoints.get(slug, EndpointFacts(slug, "")) for slug in one.endpoints
            ),
            grants=self.grants.get(one.release.pk, ()),
            scores=scores,
            passing=passing,
        )

    def _endpoints(self) -> dict[str, EndpointFacts]:
        slugs = {slug for one in self.asked for slug in one.endpoints}
        if self.number is None:
            rows = ServingEndpoint.objects.filter(slug__in=slugs)
        else:
            rows = ServingEndpoint.history.filter(
                slug__in=slugs, change__number__lte=self.number
            ).order_by("change__number", "history_id")
        found = {}
        for slug, content in rows.values_list("slug", "content"):
            document = json.loads(content)
            regions = document["regions"].items()
            found[slug] = EndpointFacts(
                slug,
                document["host"],
                {purpose: frozenset(listed) for purpose, listed in regions},
                bool(document["served_release_id"]),
            )
        return found

    def _about(self, path: str = "") -> Q:
        releases = {one.release.pk for one in self.asked}
        return Q(**{f"{path}release__in": releases}) | Q(**{f"{path}version__in": self.versions})

    def _evidence(self, kinds: set[str]) -> list[EvidenceItem]:
        rows = EvidenceItem.objects.filter(self._about(), kind__in=kinds, expires_at__gt=self.at)
        if self.number is not None:
            rows = rows.filter(change__number__lte=self.number)
        rows = rows.select_related("change", "withdrawal__change").order_by("created_at", "pk")
        return [item for item in rows if not self._withdrawn(item)]

    def _withdrawn(self, item: EvidenceItem) -> bool:
        withdrawal = getattr(item, "withdrawal", None)
        if withdrawal is None:
            return False
        return self.number is None or withdrawal.change.number <= self.number

    def _scores(self) -> list[Score]:
        rows = Score.objects.filter(
            self._about("run__item__"),
            metric__suite_version__suite__slug__in=self.metrics,
            filter="",
            subset="",
            run__completeness="complete",
            run__acceptance__isnull=False,
            run__item__expires_at__gt=self.at,
        )
        if self.number is not None:
            rows = rows.filter(run__acceptance__change__number__lte=self.number)
        rows = rows.select_related(
            "metric__suite_version__suite",
            "run__acceptance__change",
            "run__item__withdrawal__change",
        ).order_by("run__ran_at", "run_id")
        return [row for row in rows if not self._withdrawn(row.run.item)]

    def _measured(self, release: Release) -> dict[tuple[str, str], Measured]:
        """The newest score on the release, or on its version where the release has none."""
        found: dict[tuple[str, str], Measured] = {}
        for about in ("version_id", "release_id"):
            own: dict[tuple[str, str], Measured] = {}
            for row in self.scores:
                item = row.run.item
                wanted = release.pk if about == "release_id" else release.model_version_id
                if getattr(item, about) != wanted:
                    continue
                metric = row.metric.suite_version.suite.slug, row.metric.name
                taken = self.up_to is None or row.run.acceptance.change.number <= self.up_to
                before = own.get(metric, Measured("", newest=row.text))
                self.items[str(item.pk)] = item
                own[metric] = (
                    Measured(row.text, str(item.pk), row.text)
                    if taken
                    else Measured(before.text, before.item, row.text)
                )
            found |= own
        return found

    def _passing(self, release: Release) -> dict[str, str]:
        """The newest item of each kind, if it passes; a newer one that fails speaks against."""
        found: dict[str, str] = {}
        for item in self.evidence:
            if item.release_id != release.pk and item.version_id != release.model_version_id:
                continue
            if item.kind == "independent_validation" and item.standing != "independent":
                continue
            if item.verdict == "fail":
                found.pop(item.kind, None)
            elif item.verdict == "pass" and self._taken_in(item):
                found[item.kind] = str(item.pk)
                self.items[str(item.pk)] = item
        return found

    def _taken_in(self, item: EvidenceItem) -> bool:
        return self.up_to is None or item.change.number <= self.up_to


def _grants(asked: Iterable[Asked]) -> dict[int, tuple[tuple[str, str, str], ...]]:
    """What each release may call, as its sealed document says."""
    return {
        one.release.pk: tuple(
            (grant["tool"], grant["scope"], grant["authorization"])
            for grant in json.loads(one.release.content or "{}").get("tool_grants", ())
        )
        for one in asked
    }
