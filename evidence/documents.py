"""The canonical document that an evidence item is digested over.

It names its schema. A change to what it says is a new schema, and the old builder stays: what was
given is only ever compared in the schema it was given in.
"""

from collections.abc import Iterable

from evidence.models import EvidenceFile, EvidenceItem
from registry.models import Release


def evidence_item(item: EvidenceItem, files: Iterable[EvidenceFile]) -> dict:
    """Return what an item says, with the digests of its files, its subject and what it replaces.

    Only what never changes is in it, so that it can be built again at any time and compared.
    """
    subject = item.subject
    if isinstance(subject, Release):
        about = {"type": "release", "key": f"{subject.use_case.slug}/{subject.number}"}
    else:
        about = {"type": "model_version", "key": f"{subject.model.slug}/{subject.version}"}
    return {
        "schema": "gatehouse.evidence/1",
        "id": item.pk,
        "kind": item.kind,
        "subject": {**about, "digest": subject.digest},
        "title": item.title,
        "verdict": item.verdict,
        "standing": item.standing,
        "vouched_by": item.vouched_by,
        "answers": item.answers,
        "files": sorted(
            ({"name": file.name, "size": file.size, "sha256": file.sha256} for file in files),
            key=lambda file: file["sha256"],
        ),
        "created": item.created_at,
        "expires": item.expires_at,
        "author": item.author.username,
        "replaces": item.replaces.digest if item.replaces else None,
    }
