"""The evidence of a pack: each item as it stood at an instant, with its runs and its files."""

import json
from collections.abc import Iterable
from typing import Any

from django.db.models import Prefetch

from evidence.models import EvaluationRun, EvidenceFile, EvidenceItem
from gates.models import Package, Promotion
from runtime.packs.telling import Told, View

#: Items beside those that packages rest on: the newest given for the release.
OTHERS = 500
#: Characters that no system of files minds in a name.
PLAIN = frozenset(" ._-()[]+,=@")


def tell_evidence(
    told: Told,
    promotion: Promotion,
    view: View,
    packages: Iterable[Package],
    document: dict | None,
) -> dict[str, Any]:
    """Return the items that packages rest on or conditions were closed with, and the release's.

    What the reader may not see is counted.
    """
    rests: dict[str, list[str]] = {}
    for rest in document["rests_on"] if document else ():
        for one in rest["evidence"]:
            rests.setdefault(one["id"], []).append(rest["requirement"])
    named = {
        str(pk) for one in packages for pk in one.evidence_links.values_list("item", flat=True)
    }
    named |= set(told.items)
    rows = view.known(EvidenceItem.objects.visible_to(view.reader))
    of_release = rows.filter(release=promotion.release_id).order_by("-created_at", "-pk")
    others = [str(pk) for pk in of_release.values_list("pk", flat=True)[: OTHERS + 1]]
    if len(others) > OTHERS:
        count = of_release.count() - OTHERS
        told.leave_out(f"{count} older evidence items of the release", "A pack has the newest.")
    found = _read(rows.filter(pk__in={*named, *others[:OTHERS]}), view)
    told.items = {str(one.pk): one for one in found}
    told.note(found)
    told.note(run for one in found for run in one.runs.all())
    hidden = sorted(named - set(told.items))
    digests = _digests(packages) if hidden else {}
    for pk in hidden:
        # Packages name it by these: nothing is told here that they do not say.
        more = {"sha256": digests[pk].removeprefix("sha256:")} if pk in digests else {}
        told.leave_out(f"Evidence item {pk}", "Whoever built the pack may not see it.", **more)
    return {"items": [_item(told, one, view, rests) for one in found], "hidden": len(hidden)}


def _digests(packages: Iterable[Package]) -> dict[str, str]:
    """Return the digest of each item that packages rest on, by its id."""
    documents = (json.loads(one.content) for one in packages)
    rests = (rest for document in documents for rest in document["rests_on"])
    return {one["id"]: one["digest"] for rest in rests for one in rest["evidence"]}


def _read(rows, view: View) -> list[EvidenceItem]:
    runs = (
        view.known(EvaluationRun.objects.all())
        .select_related(
            "suite_version__suite", "given_by", "acceptance__change", "acceptance__accepted_by"
        )
        .prefetch_related("scores__metric")
        .order_by("pk")
    )
    return list(
        rows.select_related(
            "author",
            "release__use_case",
            "version__model",
            "replaces",
            "replaced_by__change",
            "withdrawal__change",
            "withdrawal__withdrawn_by",
        )
        .prefetch_related(
            Prefetch("runs", runs), Prefetch("files", EvidenceFile.objects.order_by("pk"))
        )
        .prefetch_related("files__scans")
        .order_by("created_at", "pk")
    )


def _item(told: Told, item: EvidenceItem, view: View, rests: dict[str, list[str]]) -> dict:
    withdrawal = getattr(item, "withdrawal", None)
    withdrawal = withdrawal if view.knows(withdrawal) else None
    newer = getattr(item, "replaced_by", None)
    path = f"evidence/{item.pk}/item.json"
    told.sealed[path] = item.content
    return {
        "id": str(item.pk),
        "kind": item.kind,
        "kind_name": item.get_kind_display(),
        "title": item.title,
        "about": str(item.subject),
        "verdict": item.verdict,
        "standing": item.standing,
        "vouched_by": item.vouched_by,
        "author": item.author.username,
        "created_at": item.created_at,
        "expires_at": item.expires_at,
        "digest": item.digest,
        "path": path,
        "state": "withdrawn"
        if withdrawal
        else "expired"
        if item.expires_at <= view.at
        else "replaced"
        if view.knows(newer)
        else "holds",
        "withdrawn": withdrawal
        and {
            "by": withdrawal.withdrawn_by.username,
            "at": withdrawal.withdrawn_at,
            "reason": withdrawal.reason,
        },
        "replaced_by": str(newer.pk) if view.knows(newer) else None,
        "rests": rests.get(str(item.pk), []),
        "runs": [_run(one, view) for one in item.runs.all()],
        "files": [
            {"name": file.name, "sha256": file.sha256, "bytes": file.size, "path": name}
            for file, name in named_files(item)
        ],
    }


def _run(run: EvaluationRun, view: View) -> dict:
    acceptance = getattr(run, "acceptance", None)
    acceptance = acceptance if view.knows(acceptance) else None
    scores = sorted(run.scores.all(), key=lambda one: (one.metric.name, one.filter, one.subset))
    return {
        "id": run.pk,
        "suite": str(run.suite_version),
        "ran_at": run.ran_at,
        "source": run.source,
        "completeness": run.completeness,
        "given_by": run.given_by.username,
        "accepted": acceptance
        and {
            "by": acceptance.accepted_by.username,
            "at": acceptance.accepted_at,
            "reason": acceptance.reason,
        },
        "scores": [
            {
                "metric": one.metric.name,
                "filter": one.filter,
                "subset": one.subset,
                "text": one.text,
                "stderr": one.stderr,
                "interval": one.interval,
            }
            for one in scores
        ],
    }


def named_files(item: EvidenceItem) -> list[tuple[EvidenceFile, str]]:
    """Return the files of an item, each with where it lies in a pack: no two in one place."""
    return [
        (file, f"evidence/{item.pk}/{place}-{_plain(file.name)}")
        for place, file in enumerate(sorted(item.files.all(), key=lambda one: one.pk), 1)
    ]


def _plain(name: str) -> str:
    kept = "".join(one if one.isalnum() or one in PLAIN else "_" for one in name)
    return kept.strip(". ") or "file"
