"""The page of an evidence item."""

from collections.abc import Sequence

from django.contrib import admin
from django.db.models import Q
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.views.decorators.http import require_safe

from audit import clock
from audit.admin import panels_of
from audit.models import Entry
from evidence import rules
from evidence.kinds import KINDS
from evidence.models import EvaluationRun, EvidenceFile, EvidenceItem
from evidence.safety import Safety
from registry.models import Release

#: What happened to an item, told on its page; the rest of its log is on its history page.
TOLD = {
    "evidence.given": ("evidence", "gave this evidence"),
    "evidence.withdrawn": ("withdrawn", "withdrew it"),
    "evidencefile.scan_passed": ("met", "found nothing in a file"),
    "evidencefile.scan_found": ("failed", "found something in a file; it is held"),
    "evidencefile.scan_failed": ("stale", "could not tell whether a file is safe; it is held"),
    "run.given": ("added", "gave a run"),
    "run.accepted": ("accepted", "accepted a run"),
}


@require_safe
def item_page(request, pk):
    """Show one item: what it says, whether it stands, its files, runs and what happened to it."""
    item = get_object_or_404(
        EvidenceItem.objects.visible_to(request.user).select_related(
            "author",
            "release__use_case__team",
            "version__model__team",
            "withdrawal__withdrawn_by",
            "replaces",
            "replaced_by",
        ),
        pk=pk,
    )
    items, runs = (admin.site.get_model_admin(model) for model in (EvidenceItem, EvaluationRun))
    shown = list(
        item.runs.select_related("suite_version__suite", "given_by", "acceptance__accepted_by")
        .prefetch_related("scores__metric")
        .order_by("-ran_at", "-pk")
    )
    for run in shown:
        run.item = item
        run.buttons, run.why = runs.act_buttons(request, run), f"why-{run.pk}"
    files = list(item.files.prefetch_related("scans").order_by("pk"))
    context = {
        **admin.site.each_context(request),
        "title": item.title,
        "item": item,
        "state": state_of(item),
        "band": band(item, [file for file in files if file.safety.holds]),
        "facts": facts(item),
        "answers": answers(request.user, item),
        "files": files,
        "runs": shown,
        "act_buttons": items.act_buttons(request, item),
        "history_url": items.history_url(item),
        "panels": panels_of(request, item),
        "timeline": timeline(item, [*shown, *files], items.history_url(item)),
    }
    return TemplateResponse(request, "evidence/item.html", context)


def state_of(item: EvidenceItem) -> rules.State:
    """Return how an item stands now."""
    withdrawal = getattr(item, "withdrawal", None)
    return rules.state(
        expires_at=item.expires_at,
        withdrawn_at=withdrawal.withdrawn_at if withdrawal else None,
        at=clock.now(),
    )


def band(item: EvidenceItem, held: Sequence[EvidenceFile] = ()) -> dict:
    """Return the answer under the title: whether the item stands, until when, and what holds it."""
    ends = f"{item.expires_at.day} {item.expires_at:%b %Y}"
    state = state_of(item)
    if state is rules.State.WITHDRAWN:
        away = item.withdrawal
        on = f"{away.withdrawn_at.day} {away.withdrawn_at:%b %Y}"
        return {
            "state": "withdrawn",
            "headline": f"Withdrawn on {on}.",
            "text": f"{away.withdrawn_by} withdrew it: “{away.reason}” It no longer counts.",
        }
    if state is rules.State.ENDED:
        return {
            "state": "expired",
            "headline": f"Expired on {ends}.",
            "text": "It no longer counts. Give a new item in its place.",
        }
    if held:
        found = any(file.safety is Safety.FOUND for file in held)
        return {
            "state": "failed" if found else "stale",
            "headline": "Meets nothing: a file is held.",
            "text": " ".join(f"“{file.name}” {file.safety.holds}" for file in held),
        }
    words = {
        "pass": f"Passes, and is good until {ends}.",
        "fail": f"Fails, and says so until {ends}.",
        "noted": f"Noted, and good until {ends}.",
    }
    return {
        "state": item.verdict,
        "headline": words[item.verdict],
        "text": f"{_when(item)}{item.vouched_by} vouches for it. "
        f"Standing: {item.get_standing_display()}.",
    }


def _when(item: EvidenceItem) -> str:
    """Say that an item's end is near, and what to do about it."""
    if said := rules.expiry(item.expires_at, clock.now()):
        replaced = hasattr(item, "replaced_by")
        todo = "" if replaced else " Give a new item in its place before that."
        return f"{said[1]}.{todo} "
    return ""


def facts(item: EvidenceItem) -> list[dict]:
    """Return the grid of facts under the band."""
    return [
        {"label": "Kind", "value": item.get_kind_display(), "note": KINDS[item.kind].about}
        if item.kind in KINDS
        else {"label": "Kind", "value": item.kind},
        {"label": "Verdict", "value": item.get_verdict_display()},
        {"label": "Standing", "value": item.get_standing_display()},
        {"label": "Who vouches", "value": item.vouched_by},
    ]


def answers(user, item: EvidenceItem) -> list[dict]:
    """Return the questions that were answered, in the order of the kind, with the answers."""
    kind = KINDS.get(item.kind)
    asked = {question.key: question for question in kind.questions} if kind else {}
    named = {q.key for q in asked.values() if q.type == "release"} & item.answers.keys()
    digests = [item.answers[key] for key in named]
    releases = (
        {
            release.digest: release
            for release in Release.objects.visible_to(user)
            .filter(digest__in=digests)
            .select_related("use_case")
        }
        if digests
        else {}
    )
    order = [*(key for key in asked if key in item.answers), *sorted(item.answers.keys() - asked)]
    told = []
    for key in order:
        value, question = item.answers[key], asked.get(key)
        if question and question.choices:
            value = dict(question.choices).get(value, value)
        elif isinstance(value, bool):
            value = "Yes" if value else "No"
        told.append(
            {
                "label": question.label if question else key,
                "value": value,
                "release": releases.get(value) if key in named else None,
                "digest": value if key in named else "",
            }
        )
    return told


def timeline(item: EvidenceItem, parts: list, url: str) -> list[dict]:
    """Return what happened to the item, its runs and its files, oldest first."""
    entries = (
        Entry.objects.filter(
            Q(about=item.key) | Q(about__in=[part.key for part in parts]), event__in=TOLD
        )
        .select_related("change")
        .order_by("seq")
    )
    return [
        {
            "state": TOLD[entry.event][0],
            "actor": entry.change.actor_name,
            "sentence": TOLD[entry.event][1],
            "at": entry.change.at,
            "number": entry.seq,
            "url": f"{url}#change-{entry.change.number}",
            "reason": entry.change.reason,
        }
        for entry in entries
    ]
