"""What `audit_verify` reconciles in the registry: sealed documents with digests and with rows."""

import json
from collections.abc import Callable, Iterator

from audit.rules import canonical, digest
from audit.verifying import Discrepancy, Report, in_chunks
from registry import documents
from registry.models import ModelVersion, PromptVersion, Release, ServingEndpoint


def _endpoint(endpoint: ServingEndpoint) -> dict:
    links = endpoint.region_links.select_related("region")
    return documents.endpoint(endpoint, [(link.purpose, link.region) for link in links])


#: How the document of each noun is built again from its rows.
BUILDERS: dict[type, Callable[..., dict]] = {
    ModelVersion: documents.model_version,
    PromptVersion: documents.prompt_version,
    ServingEndpoint: _endpoint,
    Release: documents.release,
}


def sealed_documents(report: Report, scope: str) -> Iterator[Discrepancy]:
    """Every stored document has its digest and says what its rows say."""
    for model, build in BUILDERS.items():
        for rows in in_chunks(model._base_manager.exclude(digest="")):
            for row in rows:
                named = f"{model._meta.verbose_name} {row}"
                if digest(row.content.encode()) != row.digest:
                    yield Discrepancy(
                        "DOCUMENT_DIGEST",
                        f"The document of the {named} is not what its digest was taken over.",
                        row.key,
                    )
                elif not _says_the_same(row.content, build(row)):
                    yield Discrepancy(
                        "DOCUMENT_ROWS",
                        f"The {named} is no longer made of what its document says.",
                        row.key,
                    )


def _says_the_same(content: str, rebuilt: dict) -> bool:
    """Compare in the schema of the content; a later schema cannot speak of an earlier one."""
    stored, fresh = json.loads(content), json.loads(canonical(rebuilt))
    if stored["schema"] != fresh["schema"]:
        return True
    return _lasting(stored) == _lasting(fresh)


def _lasting(document: dict) -> dict:
    """Leave out what is recorded of datasets later than the seal: digest and classification."""
    datasets = [
        {name: link[name] for name in ("role", "dataset", "version")}
        for link in document.get("datasets", ())
    ]
    return {**document, "datasets": datasets}
