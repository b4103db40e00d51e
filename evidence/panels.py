"""What evidence shows on the pages of models, versions and releases: items, scores, a button."""

from django.db.models import Count, Q
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.http import urlencode

from audit import clock
from evidence import rules
from evidence.latest import latest_scores
from evidence.models import EvidenceItem
from evidence.transitions.items import subject_problems
from registry import rights
from registry.models import ModelVersion, RegisteredModel, Release

#: How many items a page shows before it points to the list, where all of them are.
SHOWN = 20


def give_url(**chosen) -> str:
    """Return the address of the form for a new item; what is chosen need not be asked."""
    return f"{reverse('admin:evidence_evidenceitem_add')}?{urlencode(chosen)}"


def about(subject: Release | ModelVersion) -> dict:
    """Return how an address names what an item is about."""
    return {"version" if isinstance(subject, ModelVersion) else "release": subject.pk}


def give_button(request, subject: Release | ModelVersion) -> list[dict]:
    """Return the button that leads to the form, with the reasons why it is off."""
    return [
        {
            "name": "give-evidence",
            "label": "Give evidence…",
            "url": give_url(**about(subject)),
            "primary": False,
            "objections": [
                *rights.may(request.user, "give_evidence", subject),
                *subject_problems(None, subject),
            ],
        }
    ]


def history_button(request, model: RegisteredModel) -> list[dict]:
    """Return the button that leads to the model's scores over its versions."""
    url = reverse("admin:score_history", args=[model.slug])
    return [
        {
            "name": "score-history",
            "label": "Scores over versions",
            "url": url,
            "primary": False,
            "objections": [],
        }
    ]


def evidence_of(request, subject: Release | ModelVersion) -> str:
    """Return the box of evidence; a release also rests on what is proved of its version."""
    wanted = Q(**about(subject))
    if isinstance(subject, Release):
        wanted |= Q(version=subject.model_version_id)
    items = (
        EvidenceItem.objects.visible_to(request.user)
        .filter(wanted)
        .select_related("withdrawal", "replaced_by")
        .annotate(file_count=Count("files", distinct=True))
        .order_by("-created_at", "-pk")
    )
    found, hidden = list(items[: SHOWN + 1]), _hidden(wanted, request.user)
    return render_to_string(
        "evidence/_panel.html",
        {
            "items": [line(item, subject) for item in found[:SHOWN]],
            "more": len(found) > SHOWN,
            "hidden": hidden,
            "list_url": f"{reverse('admin:evidence_evidenceitem_changelist')}?{_exactly(subject)}",
            "empty": "None that you may see." if hidden else "No evidence yet.",
        },
        request,
    )


def _hidden(wanted: Q, reader) -> int:
    """Return how many items the reader may not see; one query."""
    seen = EvidenceItem.objects.visible_to(reader).order_by().values("pk")
    return EvidenceItem.objects.filter(wanted).exclude(pk__in=seen).count()


def line(item: EvidenceItem, subject=None) -> dict:
    """Return an item as the table of evidence shows it (`portal/_evidence.html`)."""
    withdrawal = getattr(item, "withdrawal", None)
    state = rules.state(
        expires_at=item.expires_at,
        withdrawn_at=withdrawal.withdrawn_at if withdrawal else None,
        at=clock.now(),
    )
    shown = {rules.State.ENDED: "expired", rules.State.WITHDRAWN: "withdrawn"}
    notes = [item.get_kind_display()]
    if count := getattr(item, "file_count", 0):
        notes.append(f"{count} file{'s' if count > 1 else ''}")
    if isinstance(subject, Release) and item.version_id:
        notes.append("about its model version")
    if hasattr(item, "replaced_by"):
        notes.append("replaced")
    return {
        "title": item.title,
        "url": item.get_absolute_url(),
        "note": ", ".join(notes),
        "state": shown.get(state, item.verdict),
        "author": item.vouched_by,
        "standing": item.get_standing_display(),
        "created": item.created_at,
        "expires": item.expires_at,
        "digest": item.digest,
    }


def scores_of(request, row: Release | ModelVersion | RegisteredModel) -> str:
    """Return the box of the latest score of each suite's metrics."""
    name = {Release: "release", ModelVersion: "version", RegisteredModel: "model"}[type(row)]
    scores = latest_scores(**{name: row}, user=request.user)
    return render_to_string("evidence/_latest.html", {"scores": scores, "of": name}, request)


def _exactly(subject) -> str:
    return urlencode({f"{name}__id__exact": pk for name, pk in about(subject).items()})
