"""Sealing: a draft becomes what is approved, under the digest of its canonical document."""

import audit
from audit import Change, Reason, Refused
from audit.refusals import Conflict
from audit.rules import canonical, digest
from registry import documents, rights, rules
from registry.models import ModelVersion, Release
from registry.transitions.rows import lineage_circle, refuse_sealed


def seal_version(pk: int, *, actor, reason: str) -> ModelVersion:
    """Seal a model version. Raises `Refused` with all that is missing, `Conflict` if sealed."""
    with audit.change(actor=actor, reason=reason) as change:
        person = rights.acting(change, actor)
        version = change.lock(ModelVersion, pk)
        rights.demand(person, "seal", version)
        refuse_sealed(version)
        if reasons := version_problems(version):
            raise Refused(reasons)
        return _seal(change, version, documents.model_version(version))


def seal_release(pk: int, *, actor, reason: str) -> Release:
    """Seal a release, and with it its model version if that is a draft still.

    Raises `Refused` with all that is missing from both, `Conflict` if sealed already.
    """
    # Read before the change, because versions are locked before releases.
    version_pk = Release._base_manager.values_list("model_version_id", flat=True).get(pk=pk)
    with audit.change(actor=actor, reason=reason) as change:
        person = rights.acting(change, actor)
        version = change.lock(ModelVersion, version_pk)
        release = change.lock(Release, pk)
        rights.demand(person, "seal", release)
        refuse_sealed(release)
        if release.model_version_id != version.pk:
            raise Conflict(
                Reason("CHANGED", "The release names another model version now. Look again.")
            )
        if reasons := release_problems(release):
            raise Refused(reasons)
        if version.sealed_at is None:
            _seal(change, version, documents.model_version(version))
        release.model_version = version  # as sealed just now, with its digest
        return _seal(change, release, documents.release(release))


def version_problems(version: ModelVersion) -> list[Reason]:
    """Return all that keeps a draft version from being sealed; pages show the same."""
    base = version.base_version
    return rules.version_seal_problems(
        name=str(version),
        identifier=version.identifier,
        maker=version.maker.slug if version.maker else "",
        base=str(base) if base else "",
        base_sealed=bool(base and base.sealed_at),
        lineage_circle=lineage_circle(version),
    )


def release_problems(release: Release) -> list[Reason]:
    """Return all that keeps a draft release from being sealed; pages show the same."""
    version = release.model_version
    prompts = release.prompt_links.select_related("prompt_version__template")
    reasons = rules.release_seal_problems(
        templates=[link.prompt_version.template.slug for link in prompts],
        use_case=release.use_case.slug,
    )
    return reasons + ([] if version.sealed_at else version_problems(version))


def _seal(change: Change, row, document: dict):
    content = canonical(document)
    row.content, row.digest, row.sealed_at = content.decode(), digest(content), change.now
    return change.save(row, event=f"{row._meta.model_name}.sealed", facts={"digest": row.digest})
