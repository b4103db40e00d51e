"""Findings as rows of a page: what stands in the way first, each with the place it is mended."""

import re
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from urllib.parse import urlencode

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from evidence.kinds import KINDS
from gates import waivers
from gates.models import Promotion
from gates.pages.loaded import Loaded
from gates.rules import Finding, Status
from gates.rules.findings import day
from gates.rules.helping import code_of
from gates.rules.waivers import unwaivable
from registry.completeness import facts_of_release, lineage_gaps
from registry.models import Environment, Release
from registry.rights import may


@dataclass(frozen=True)
class FindingRow:
    """One finding, as `portal/_finding.html` lays it out."""

    state: str
    requirement: str
    fact: str
    code: str
    fix: str
    fix_url: str
    fix_words: str
    until: datetime | None
    anchor: str
    #: Who was asked to mend it, until when, and where the requester asks somebody.
    on_it: str = ""
    assign_url: str = ""
    #: The waiver of it, or where to ask for one: address and words.
    waiver_url: str = ""
    waiver_words: str = ""
    #: What the gate says of meeting it, where it stands in the way.
    guidance: str = ""
    guidance_url: str = ""


@dataclass(frozen=True)
class Shown:
    """All findings, grouped; `count` in words."""

    open: list[FindingRow]
    waived: list[FindingRow]
    met: list[FindingRow]
    count: str
    judged: str = ""


def anchor(finding: Finding) -> str:
    """Return the id of a finding's row, so that reasons can lead to it."""
    return f"finding-{finding.gate}-{finding.code}"


def mended_at(finding: Finding, promotion: Promotion) -> str:
    """Return the address where a finding is mended, whoever asks; at least its own row's."""
    release, (what, which) = promotion.release, finding.fix_at
    match what:
        case "evidence":
            return _give(release, which)
        case "score":
            return _give(release, "benchmark")
        case "demands":
            return f"/registry/usecase/{release.use_case_id}/change/"
        case "policy":
            return _effective_policy(release, promotion.environment)
        case "metadata":
            there = release.get_absolute_url()
            return f"{there}lineage/" if which == "lineage" else there
        case "waiver":
            return f"/gates/waiver/{which}/change/"
    return f"{promotion.get_absolute_url()}#{anchor(finding)}"


def _give(release: Release, kind: str) -> str:
    return f"/evidence/evidenceitem/add/?{urlencode({'kind': kind, 'release': release.pk})}"


def _effective_policy(release: Release, environment: Environment) -> str:
    query = urlencode({"use_case": release.use_case.slug, "environment": environment.slug})
    return f"/policy/effective/?{query}"


def shown_findings(loaded: Loaded) -> Shown:
    """Return the findings of the live package as rows."""
    findings = loaded.package.findings
    places = _Places(loaded)
    open_ones = loaded.in_the_way
    return Shown(
        open=[_row(finding, places) for finding in open_ones],
        waived=[_row(one, places) for one in findings if one.status == Status.WAIVED],
        met=[_row(one, places) for one in findings if one.status == Status.MET],
        count=f"{len(open_ones)} open of {len(findings)}",
        judged="Judged as of now, for whoever asks again; it changes nothing that was decided."
        if loaded.promotion.decided_at
        else "",
    )


def _row(finding: Finding, places: "_Places") -> FindingRow:
    url, said = places.of(finding) if finding.stands_in_the_way else ("", "")
    waiver_url, waiver_words = places.waiver(finding)
    asked = places.requirement(finding) if finding.stands_in_the_way else None
    of_lineage = asked and asked.terms.get("lineage")
    return FindingRow(
        state=str(finding.status),
        requirement=finding.sentence,
        fact=places.gaps if of_lineage else _linked(finding, places.loaded),
        code=f"{finding.gate}.{finding.code}",
        fix=finding.fix,
        fix_url=url,
        fix_words=said,
        until=finding.until,
        anchor=anchor(finding),
        on_it=_on_it(finding, places.loaded),
        assign_url=_assign_url(finding, places.loaded),
        waiver_url=waiver_url,
        waiver_words=waiver_words,
        guidance=asked.guidance if asked else "",
        guidance_url=asked.guidance_url if asked else "",
    )


def _on_it(finding: Finding, loaded: Loaded) -> str:
    row = loaded.assigned.get(code_of(finding))
    if row is None or not finding.stands_in_the_way:
        return ""
    who = loaded.begins_with(row.assignee_id, row.assignee.username)
    late = ", overdue" if row.due_on < loaded.now.date() else ""
    return f"{who}, due {day(row.due_on)}{late}; asked by {row.assigned_by}."


def _assign_url(finding: Finding, loaded: Loaded) -> str:
    """Where whoever may ask assigns it; nothing for others, and once it is met or assigned."""
    if (
        not finding.stands_in_the_way
        or not loaded.promotion.is_undecided
        or not loaded.may_request
        or code_of(finding) in loaded.assigned
    ):
        return ""
    return f"{loaded.promotion.get_absolute_url()}assign/?finding={code_of(finding)}"


def _linked(finding: Finding, loaded: Loaded) -> SafeString:
    """Return what is so, with each item and run that it names leading there."""
    items, text = loaded.package.gathered.items, escape(finding.fact)
    for pk in finding.evidence:
        title = escape(f"“{items[pk].title}”")
        if loaded.sees(items[pk]):
            text = text.replace(title, _link(items[pk], title), 1)
    for (run, _), score in loaded.package.gathered.scores.items():
        if run in finding.runs:
            item = items[str(score.run.item_id)]
            if not loaded.sees(item):
                continue
            text = re.sub(rf"(?<=\()run {run}\b", _link(item, f"run {run}"), text)
    return mark_safe(text)  # noqa: S308 - escaped above, and the links are ours


def _link(item, text: str) -> str:
    return f'<a href="{item.get_absolute_url()}">{text}</a>'


class _Places:
    """Where findings are mended: an address, and the words of the link to it."""

    def __init__(self, loaded: Loaded):
        self.loaded = loaded
        self.release = loaded.promotion.release

    @cached_property
    def _facts(self) -> dict:
        """The checklist of the release, whose gaps know where they are filled."""
        facts = facts_of_release(self.release, self.loaded.endpoints, self.loaded.user)
        return {fact.code: fact for fact in facts}

    @property
    def gaps(self) -> str:
        """What a lineage lacks, by name as far as the reader may see; packages only count it."""
        return " ".join(lineage_gaps(self.release, self.loaded.user))

    def of(self, finding: Finding) -> tuple[str, str]:
        what, which = finding.fix_at
        if self._waits_to_be_taken_in(finding):
            return f"/gates/promotion/{self.loaded.promotion.pk}/take-in/", "Take it in"
        place = getattr(self, f"_{what}", None)
        return place(which) if place else ("", "")

    def waiver(self, finding: Finding) -> tuple[str, str]:
        """The waiver that stands in for it, or is asked for; or where the reader asks for one."""
        if finding.status == Status.WAIVED:
            return f"/gates/waiver/{finding.waiver}/change/", f"See waiver {finding.waiver}"
        if not finding.stands_in_the_way:
            return "", ""
        code = f"{finding.gate}.{finding.code}"
        if asked := self._waivers_asked.get(code):
            return f"/gates/waiver/{asked}/change/", f"Waiver {asked} is asked for"
        requirement = self.requirement(finding)
        promotion = self.loaded.promotion
        if requirement is None or unwaivable(requirement) or not promotion.is_undecided:
            return "", ""
        if may(self.loaded.user, "request", self.release):
            return "", ""
        query = urlencode(
            {
                "release": self.release.pk,
                "environment": promotion.environment_id,
                "requirement": code,
            }
        )
        return f"/gates/waiver/add/?{query}", "Ask for a waiver"

    def requirement(self, finding: Finding):
        """The requirement that a finding is about; none for what policy says."""
        return self._requirements.get((finding.gate, finding.code))

    @cached_property
    def _requirements(self) -> dict:
        return {(one.gate, one.code): one for one in self.loaded.package.gate.requirements}

    @cached_property
    def _waivers_asked(self) -> dict[str, int]:
        """The newest unanswered waiver of each requirement."""
        rows = waivers.waiting(self.loaded.user).filter(
            release=self.release, environment=self.loaded.promotion.environment_id
        )
        return {one.code: one.pk for one in rows}

    def _waits_to_be_taken_in(self, finding: Finding) -> bool:
        return finding.status == Status.MISSING and finding.fix.startswith("The requester takes")

    def _evidence(self, kind: str) -> tuple[str, str]:
        name = KINDS[kind].name.lower() if kind in KINDS else "evidence"
        return _give(self.release, kind), f"Give {_an(name)}"

    def _score(self, _: str) -> tuple[str, str]:
        """The run that waits to be accepted, if one does; else the form that gives one."""
        gathered = self.loaded.package.gathered
        for (run, _), score in gathered.scores.items():
            item = gathered.items[str(score.run.item_id)]
            if not hasattr(score.run, "acceptance") and self.loaded.sees(item):
                return item.get_absolute_url(), f"See run {run}"
        return _give(self.release, "benchmark"), "Give a run"

    def _demands(self, _: str) -> tuple[str, str]:
        pk = self.release.use_case_id
        return f"/registry/usecase/{pk}/change/", f"Open {self.release.use_case}"

    def _policy(self, _: str) -> tuple[str, str]:
        there = _effective_policy(self.release, self.loaded.promotion.environment)
        return there, "See the policy"

    def _metadata(self, code: str) -> tuple[str, str]:
        if code == "lineage":
            return f"{self.release.get_absolute_url()}lineage/", "Open the lineage"
        fact = self._facts.get(code)
        return (fact.url, f"Record {fact.label.lower()}") if fact and fact.url else ("", "")


def _an(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def anchors_by_sentence(loaded: Loaded) -> dict[str, str]:
    """Return {sentence of an objection: id of the finding's row}."""
    return {f"{one.sentence} {one.fact}": anchor(one) for one in loaded.in_the_way}
