"""What `audit_verify` reconciles in the registry: sealed documents and the rows behind them."""

import json
from collections.abc import Callable, Iterator

from django.db.models import Q

from audit.models import LossConfirmation
from audit.rules import canonical
from audit.verifying import Discrepancy, Report, in_chunks
from registry import documents, roles
from registry.models import (
    ModelVersion,
    PolicyVersion,
    PromptVersion,
    Release,
    RoleGrant,
    ServingEndpoint,
)


def _endpoint(endpoint: ServingEndpoint) -> dict:
    links = endpoint.region_links.select_related("region")
    return documents.endpoint(endpoint, [(link.purpose, link.region) for link in links])


#: How the document of each noun is built again from its rows.
BUILDERS: dict[type, Callable[..., dict]] = {
    ModelVersion: documents.model_version,
    PromptVersion: documents.prompt_version,
    PolicyVersion: documents.policy_version,
    ServingEndpoint: _endpoint,
    Release: documents.release,
}


def sealed_documents(report: Report, scope: str) -> Iterator[Discrepancy]:
    """Every stored document says what its rows say; that it has its digest, the log's part tells.

    A part that was taken out or moved shows here on the row that it was part of.
    """
    for model, build in BUILDERS.items():
        for rows in in_chunks(model._base_manager.exclude(digest="")):
            for row in rows:
                if not _says_the_same(row.content, build(row)):
                    yield Discrepancy(
                        "DOCUMENT_ROWS",
                        f"The {model._meta.verbose_name} {row} is no longer made of what its "
                        "document says.",
                        row.key,
                    )


def losses(report: Report, scope: str) -> Iterator[Discrepancy]:
    """Whoever declared and confirmed a loss held their role then, and is who the log says."""
    rows = LossConfirmation.objects.select_related("declaration", "change", "declaration__change")
    for row in rows.order_by("pk"):
        declared = row.declaration
        for who, role, at, made in (
            (row.declared_by_id, row.declared_as, row.confirmed_at, declared.change),
            (row.confirmed_by_id, row.confirmed_as, row.confirmed_at, row.change),
        ):
            grants = RoleGrant.objects.filter(person=who, role=role, team=None, granted_at__lte=at)
            if not grants.filter(Q(ended_at=None) | Q(ended_at__gt=at)).exists():
                sentence = f"The {row} is by somebody who was no {role} for all teams then."
                yield Discrepancy("LOSS_ROLE", sentence, row.key)
            if made.actor_id != who:
                sentence = f"The {row} has another's name under it than the log."
                yield Discrepancy("LOSS_ACTOR", sentence, row.key)
        if {row.declared_as, row.confirmed_as} != set(roles.DECLARE_LOSSES):
            yield Discrepancy("LOSS_ROLE", f"The {row} is by two in one role.", row.key)


def _says_the_same(content: str, rebuilt: dict) -> bool:
    """Compare in the schema of the content; a later schema cannot speak of an earlier one."""
    fresh = json.loads(canonical(rebuilt))
    try:
        stored = json.loads(content)
    except ValueError:
        return False
    if not isinstance(stored, dict):
        return False
    if stored.get("schema", fresh["schema"]) != fresh["schema"]:
        return True
    return _lasting(stored) == _lasting(fresh)


def _lasting(document: dict) -> dict:
    """Leave out what is recorded of datasets later than the seal: digest and classification."""
    datasets = [
        {name: link[name] for name in ("role", "dataset", "version")}
        for link in document.get("datasets", ())
    ]
    return {**document, "datasets": datasets}
