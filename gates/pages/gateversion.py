"""A gate version in words: what each requirement asks for, of whom, and who signs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.template.loader import render_to_string

from evidence.kinds import KINDS
from gates.causes import address_of
from gates.models import GateVersion
from gates.pages import words
from gates.rules.findings import STAGES, gates_up_to
from registry.rules import ASKED


@dataclass(frozen=True)
class Asked:
    """One requirement: its sentence, its guidance, and its terms as sentences."""

    code: str
    type: str
    sentence: str
    guidance: str
    terms: list[str]
    guidance_url: str = ""
    #: What taught it, and where that is read.
    follows_from: str = ""
    cause_url: str = ""
    #: Its own form, where it is part of a draft.
    url: str = ""


@dataclass(frozen=True)
class GatePage:
    """A gate version with the gates it adds to."""

    version: GateVersion
    newest: bool
    requirements: list[Asked]
    signs: str
    before: list[GateVersion]
    after: str


def gate_page(version: GateVersion) -> GatePage:
    """Return the page of a version; the gates before it are shown as published now."""
    in_force = {one.gate: one for one in GateVersion.objects.filter(pk__in=newest())}
    before = gates_up_to(version.gate)[:-1]
    later = [gate for gate in STAGES if version.gate in gates_up_to(gate)[:-1]]
    return GatePage(
        version=version,
        newest=version.pk in {one.pk for one in in_force.values()},
        requirements=[_asked(row) for row in version.requirements.all()],
        signs=signs(version),
        before=[in_force[gate] for gate in before if gate in in_force],
        after=words.listed(later),
    )


def newest() -> set[int]:
    """Return the keys of the version of each gate that is in force."""
    rows = GateVersion.objects.filter(published_at__isnull=False).order_by("gate", "number")
    return set(dict(rows.values_list("gate", "pk")).values())


def signs(version: GateVersion) -> str:
    """Return who signs, in words, with a number where there are several."""
    return words.listed(
        f"{f'{slot.count} × ' if slot.count > 1 else ''}{words.role(slot.role)}"
        for slot in sorted(version.slots.all(), key=lambda slot: slot.pk)
    )


def asks(version: GateVersion) -> str:
    """Return how much a version asks for by itself."""
    return words.count(len(version.requirements.all()), "requirement")


def _asked(row) -> Asked:
    return Asked(
        code=row.code,
        type=row.get_type_display(),
        sentence=row.sentence,
        guidance=row.guidance,
        terms=terms_said(row.type, row.terms),
        guidance_url=row.guidance_url,
        follows_from=row.follows_from,
        cause_url=address_of(row.follows_from),
        url=f"/gates/requirement/{row.pk}/change/",
    )


def terms_said(asks: str, terms: Mapping[str, Any]) -> list[str]:
    """Return the terms of a requirement of that type as sentences."""
    return _TERMS[asks](terms) + _scope(terms)


def _evidence(terms: Mapping[str, Any]) -> list[str]:
    kind = terms["kind"]
    name = KINDS[kind].name.lower() if kind in KINDS else kind
    verdicts = words.listed(terms["verdicts"], "or")
    said = [f"Evidence of the kind {name}, with the verdict {verdicts}."]
    if "standings" in terms:
        standings = (one.replace("_", "-") for one in terms["standings"])
        said.append(f"Only if it is {words.listed(standings, 'or')}.")
    if "max_age_days" in terms:
        said.append(f"Not older than {words.count(terms['max_age_days'], 'day')}.")
    if terms.get("partial"):
        said.append("Its run may be partial.")
    if terms.get("rollback"):
        said.append(
            "What it puts back is approved in the same environment, or it says how the first "
            "release is switched off."
        )
    return said


def _score(terms: Mapping[str, Any]) -> list[str]:
    said = ["Every score that the use case demands, each judged by its direction."]
    said += [
        f"{one['suite']}.{one['metric']} too, to {one['threshold']} or stricter."
        for one in terms.get("demands", ())
    ]
    if "max_age_days" in terms:
        said.append(f"Run not longer ago than {words.count(terms['max_age_days'], 'day')}.")
    if terms.get("partial"):
        said.append("A partial run counts too, for and against.")
    return said


def _metadata(terms: Mapping[str, Any]) -> list[str]:
    if terms.get("lineage"):
        return ["Every dataset, base version and prompt version has its digest."]
    labels = (ASKED[code].label if code in ASKED else code for code in terms["fields"])
    return [f"Recorded: {words.listed(labels)}."]


def _check(terms: Mapping[str, Any]) -> list[str]:
    hours = terms["max_age_hours"]
    age = words.count(hours // 24, "day") if hours % 24 == 0 else words.count(hours, "hour")
    return [f"Read from the last recorded verification, which is not older than {age}."]


_TERMS = {"evidence": _evidence, "score": _score, "metadata": _metadata, "check": _check}


def _scope(terms: Mapping[str, Any]) -> list[str]:
    said = []
    if "tiers" in terms:
        said.append(f"For {words.listed(terms['tiers'], 'or')} risk only.")
    if "classifications" in terms:
        said.append(f"For {words.listed(terms['classifications'], 'or')} data only.")
    if terms.get("waivable") is False:
        said.append("Never waived.")
    return said


# Cells of lists, drawn with the tags of the look


def standing_html(stands) -> str:
    """Return the state of a promotion as icon and word."""
    return state_html(stands.state, stands.word)


def state_html(state: str, word: str = "") -> str:
    """Return a state as icon and word."""
    return render_to_string("gates/_state.html", {"state": state, "word": word})


def asked_html(promotion) -> str:
    """Return when a promotion was asked for, and by whom."""
    return when_html(promotion.created_at, promotion.requested_by)


def published_html(version: GateVersion) -> str:
    """Return when a version was published."""
    return when_html(version.published_at, "")


def when_html(at, by) -> str:
    """Return an instant and whose it is."""
    return render_to_string("gates/_when.html", {"at": at, "by": by})
