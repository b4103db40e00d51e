"""The review page of one promotion: everything it shows, in the order it shows it."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.utils.html import format_html, format_html_join

from gates.differences import Difference
from gates.models import Condition, GateVersion, Promotion
from gates.pages import words
from gates.pages.answer import Band, answer, pill
from gates.pages.box import Box, decision_box
from gates.pages.changes import Changes, changes
from gates.pages.conditions import Row, shown_conditions
from gates.pages.discussion import Discussion, discussion
from gates.pages.evidence import (
    EvidenceRow,
    NewerEvidence,
    evidence_rows,
    newer_evidence,
    unlisted,
)
from gates.pages.findings import Shown, shown_findings
from gates.pages.loaded import Loaded, load
from gates.pages.people import (
    Part,
    Slotted,
    earlier_sign_offs,
    since_decision,
    slots,
    taking_part,
)
from gates.pages.timeline import Line
from gates.rules.approvals import review_date
from gates.rules.findings import day
from registry.models import EndpointRegion, Person
from registry.showing import how


@dataclass(frozen=True)
class Fact:
    """One cell of the grid of facts; value and note may be safe HTML."""

    label: str
    value: Any
    note: Any = ""
    #: Shown short, and in full when it is copied or printed.
    digest: str = ""


@dataclass
class ReviewPage:
    """All that the template lays out."""

    promotion: Promotion
    title: str
    pill: tuple[str, str]
    band: Band
    digest: str
    facts: list[Fact]
    purpose: str
    #: What differs from the environment's last approved release.
    changes: Changes
    endpoints: list[dict]
    findings: Shown
    newer: NewerEvidence | None
    evidence: list[EvidenceRow]
    more_evidence: int
    slots: list[Slotted]
    slots_count: str
    earlier: list[Slotted]
    conditions: list[Row]
    took_part: list[Part]
    talks: Discussion
    timeline: list[Line]
    older_events: int
    #: What changed since it was approved; it stays approved for what was signed.
    since_decision: list[Difference]
    box: Box
    now: datetime
    loaded: Loaded = field(repr=False)
    #: What changed between the package a refused signer was shown and the one on show.
    changed_meanwhile: list[Difference] = field(default_factory=list)
    #: What whoever asks may do and the reader may not, and why; set by the view.
    acts_off: list[dict] = field(default_factory=list)
    why_off: list = field(default_factory=list)
    take_in_url: str = ""

    @property
    def action(self) -> str:
        """Where the open form posts to."""
        return self.promotion.get_absolute_url()

    @property
    def talk_action(self) -> str:
        """Where the forms of the discussion post to."""
        return f"{self.action}discussion/"

    @property
    def history_url(self) -> str:
        """Every entry of the log about this promotion."""
        return f"/gates/promotion/{self.promotion.pk}/history/"

    @property
    def evidence_count(self) -> str:
        """How many items are shown, in words."""
        hidden = unlisted(self.loaded)
        said = words.count(len(self.evidence), "item")
        return f"{said} and {hidden} that you may not see" if hidden else said

    @property
    def evidence_link(self) -> str:
        """Where the rest of the evidence is, if not all of it is shown."""
        release = self.promotion.release_id
        return f"/evidence/evidenceitem/?release__id__exact={release}" if self.more_evidence else ""

    @property
    def evidence_words(self) -> str:
        """What the link to the rest says."""
        return f"{self.more_evidence} more"

    @property
    def resting(self) -> list:
        """What is deprecated or retired of what it rests on."""
        return self.loaded.resting

    @property
    def records(self) -> list[dict]:
        """Every signature as it is filed."""
        return _records(self.loaded)

    @property
    def digests(self) -> list[tuple[str, str]]:
        """Every digest that the package names."""
        return _digests(self.loaded)

    @property
    def findings_url(self) -> str:
        """Where findings are judged as of any instant."""
        return f"{self.promotion.get_absolute_url()}findings/"

    @property
    def conditions_count(self) -> str:
        """How many conditions are open, of how many, in words."""
        left = sum(1 for one in self.conditions if one.state == "open")
        return f"{left} open of {len(self.conditions)}"

    @property
    def sections(self) -> list[dict]:
        """The sections to jump to."""
        return [
            {"anchor": "asked", "title": "What is asked"},
            {"anchor": "what-changed", "title": "What changed"},
            {"anchor": "findings", "title": "Findings", "count": self.findings.count},
            {"anchor": "evidence", "title": "Evidence", "count": str(len(self.evidence))},
            {"anchor": "sign-offs", "title": "Sign-offs", "count": self.slots_count},
            *(
                [{"anchor": "conditions", "title": "Conditions", "count": self.conditions_count}]
                if self.conditions
                else []
            ),
            {"anchor": "discussion", "title": "Discussion", "count": self.talks.count},
            {"anchor": "took-part", "title": "Who took part"},
            {"anchor": "timeline", "title": "Timeline"},
            {"anchor": "decide", "title": "Decision"},
        ]


def review_page(
    promotion: Promotion,
    user: Person,
    verdict: str = "",
    role: str = "",
    *,
    printing: bool = False,
) -> ReviewPage:
    """Return the page of `promotion` for one reader; `verdict` opens that form in its box."""
    loaded = load(promotion, user, printing=printing)
    rows, more = evidence_rows(loaded)
    box = decision_box(loaded, verdict, role)
    slotted, count = slots(loaded)
    return ReviewPage(
        promotion=promotion,
        title=words.question(promotion),
        pill=pill(loaded),
        band=answer(loaded),
        digest=loaded.digest,
        facts=_facts(loaded),
        purpose=promotion.purpose,
        changes=changes(loaded),
        endpoints=_endpoints(loaded),
        findings=shown_findings(loaded),
        newer=newer_evidence(loaded),
        evidence=rows,
        more_evidence=more,
        slots=slotted,
        slots_count=count,
        earlier=earlier_sign_offs(loaded),
        conditions=shown_conditions(loaded),
        took_part=taking_part(loaded),
        talks=discussion(loaded),
        timeline=[*loaded.timeline.lines, *_ended_line(loaded)],
        older_events=loaded.timeline.older,
        since_decision=since_decision(loaded),
        box=box,
        now=loaded.now,
        loaded=loaded,
    )


def _ended_line(loaded: Loaded) -> list[Line]:
    """An approval ends by itself: nobody wrote an entry, so its line has no number."""
    if loaded.approval is None or loaded.approval.holds:
        return []
    first = loaded.approval.ends[0]
    return [Line("ended", "", f"The approval ended. {first.sentence}", first.at, 0, "")]


def _records(loaded: Loaded) -> list[dict]:
    """Return every signature as it is filed, with its conditions."""
    set_by: dict[int, list[Condition]] = {}
    for row in Condition.objects.filter(promotion=loaded.promotion).select_related("owner"):
        set_by.setdefault(row.sign_off_id, []).append(row)
    return [
        {
            "printed_name": one.printed_name,
            "person_id": one.person_id,
            "role": words.role(one.role),
            "slot": one.slot,
            "verdict": one.get_verdict_display(),
            "meaning": words.meaning(one.verdict, one.meaning),
            "reason": one.reason,
            "at": one.signed_at,
            "digest": one.package_digest,
            "current": one.package_digest == loaded.digest,
            "how": how(one.authentication),
            "challenge": one.challenge_id,
            "address": f"{loaded.promotion.get_absolute_url()}signatures/{one.pk}/",
            "conditions": set_by.get(one.pk, []),
        }
        for one in loaded.signed
    ]


def _digests(loaded: Loaded) -> list[tuple[str, str]]:
    """Return every digest that the package names, and its own."""
    document, items = loaded.document, loaded.package.gathered.items
    evidence = {
        one["id"]: one["digest"] for rest in document["rests_on"] for one in rest["evidence"]
    }
    return [
        ("Package", loaded.digest),
        (f"Release {loaded.promotion.release}", document["release"]["digest"]),
        ("Effective policy", document["effective_policy"]),
        *((f"Endpoint {one['slug']}", one["digest"]) for one in document["endpoints"]),
        *(
            (f"Gate {one['gate']} v{one['number']}", one["digest"])
            for one in document["gate"]["versions"]
        ),
        *(
            (f"Evidence “{items[pk].title if pk in items else pk}”", digest)
            for pk, digest in evidence.items()
        ),
    ]


def _facts(loaded: Loaded) -> list[Fact]:
    promotion, document = loaded.promotion, loaded.document
    release, use_case = promotion.release, promotion.release.use_case
    gate = document["gate"]
    return [
        Fact(
            "Use case",
            _link(f"/registry/usecase/{use_case.pk}/change/", use_case.slug),
            f"{words.capital(document['use_case']['risk_tier'])} risk · "
            f"{document['use_case']['data_classification']} data",
        ),
        Fact(
            "Release",
            _link(release.get_absolute_url(), str(release)),
            digest=release.digest,
        ),
        Fact("Gate", gate["effective"], _gate_note(loaded)),
        Fact("Endpoints", _names(document), _regions(loaded)),
        Fact("Asked for by", promotion.requested_by.username, _asked(promotion)),
        _policy(loaded),
        _good_until(loaded),
        Fact("Package", "", _submissions(promotion), digest=loaded.digest),
    ]


def _policy(loaded: Loaded) -> Fact:
    """The policy that the findings are judged by, with a link to each clause and why."""
    document, policy = loaded.document, loaded.package.policy.policy
    query = urlencode(
        {
            "use_case": document["use_case"]["slug"],
            "environment": document["environment"]["slug"],
        }
    )
    count = len(policy.clauses)
    said = f"{count} clause{'s' if count != 1 else ''}" if count else "No pack is in force."
    return Fact(
        "Effective policy",
        _link(f"/policy/effective/?{query}", said),
        words.listed(policy.packs),
        digest=document["effective_policy"],
    )


def _link(url: str, text: str):
    return format_html('<a href="{}">{}</a>', url, text)


def _names(document) -> str:
    return words.listed(one["slug"] for one in document["endpoints"]) or "none named yet"


def _gate_note(loaded: Loaded) -> Any:
    """Why this gate, and the versions that it was judged by, or is while nothing is decided."""
    judged_by = loaded.package.gate.versions
    if loaded.promotion.decided_package:
        digests = [one["digest"] for one in loaded.document["gate"]["versions"]]
        found = {one.digest: one for one in GateVersion.objects.filter(digest__in=digests)}
        judged_by = [found[one] for one in digests if one in found]
    versions = format_html_join(
        ", ",
        '<a href="/gates/gateversion/{}/change/">{} v{}</a>',
        ((one.pk, one.gate, one.number) for one in judged_by),
    )
    return format_html("{} Made of {}.", loaded.package.gate.why, versions)


def _regions(loaded: Loaded) -> str:
    regions = {region for one in _endpoints(loaded) for region in one["processing"]}
    return f"Processing in {words.listed(sorted(regions))}." if regions else ""


def _endpoints(loaded: Loaded) -> list[dict]:
    """Return the endpoints asked for, each with its regions by purpose and whether it changed."""
    approved = {one["slug"]: one["digest"] for one in loaded.document["endpoints"]}
    shown = []
    for endpoint in loaded.endpoints:
        digest = approved.get(endpoint.slug, endpoint.digest)
        by_purpose: dict[str, list[str]] = {}
        for place in endpoint.region_links.all():
            by_purpose.setdefault(place.purpose, []).append(place.region.slug)
        shown.append(
            {
                "slug": endpoint.slug,
                "url": f"/registry/servingendpoint/{endpoint.pk}/change/"
                if endpoint.pk in loaded.open_endpoints
                else "",
                "host": endpoint.host.name,
                "digest": digest,
                "changed": digest != endpoint.digest,
                "processing": sorted(by_purpose.get("processing", ())),
                "regions": [
                    (label, words.listed(sorted(by_purpose.get(purpose, ()))) or "unknown")
                    for purpose, label in EndpointRegion.Purpose.choices
                ],
            }
        )
    return shown


def _asked(promotion: Promotion) -> Any:
    said = f"on {day(promotion.created_at)}"
    if promotion.wanted_by:
        said += f"; decision wanted by {day(promotion.wanted_by)}"
    return said


def _submissions(promotion: Promotion) -> str:
    if not promotion.submission:
        return "Not submitted yet."
    return f"Submission {promotion.submission}."


def _good_until(loaded: Loaded) -> Fact:
    if loaded.approval:
        first = loaded.approval.ends[0]
        if loaded.approval.holds:
            return Fact("Good until", day(first.at), f"First to end: {first.coming}")
        return Fact("Ended", day(first.at), first.sentence)
    if loaded.promotion.decided_at:
        return Fact("If approved, until", "–", "It was not approved.")
    ends = [
        (
            review_date(
                loaded.now,
                loaded.document["use_case"]["risk_tier"],
                loaded.package.policy.policy.value("review_months"),
            ),
            "The approval's review date.",
        )
    ]
    items = loaded.package.gathered.items
    for rest in loaded.document["rests_on"]:
        for one in rest["evidence"]:
            at = datetime.fromisoformat(one["holds_until"])
            ends.append((at, f"First to end: “{items[one['id']].title}”."))
    at, because = min(ends)
    if at <= loaded.now:
        return Fact(
            "If approved, until",
            "–",
            f"{because.removeprefix('First to end: ').removesuffix('.')} has ended.",
        )
    return Fact("If approved, until", day(at), because)
