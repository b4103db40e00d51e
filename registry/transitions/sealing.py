"""Sealing: a draft becomes what is approved, under the digest of its canonical document."""

import audit
from audit import Change, Reason, Refused
from audit.naming import seen_keys
from audit.refusals import Conflict
from audit.rules import canonical, digest
from registry import documents, lifecycle, rights, rules
from registry.models import ModelVersion, Release
from registry.standing import retired_reasons
from registry.transitions.rows import lineage_circle, refuse_sealed


def seal_version(pk: int, *, actor, reason: str) -> ModelVersion:
    """Seal a model version. Raises `Refused` with all that is missing, `Conflict` if sealed."""
    with audit.change(actor=actor, reason=reason) as change:
        person = rights.acting(change, actor)
        version = change.lock(ModelVersion, pk)
        rights.demand(person, "seal", version)
        refuse_sealed(version)
        if reasons := version_problems(version, person):
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
        if reasons := release_problems(release, person):
            raise Refused(reasons)
        if version.sealed_at is None:
            _seal(change, version, documents.model_version(version))
        release.model_version = version  # as sealed just now, with its digest
        return _seal(change, release, documents.release(release))


def version_problems(version: ModelVersion, reader=None) -> list[Reason]:
    """Return all that keeps a draft version from being sealed; pages show the same.

    What `reader` may not see has no name in it.
    """
    base = version.base_version
    hidden = base and reader and not seen_keys(ModelVersion, [base.pk], reader)
    return rules.version_seal_problems(
        name=str(version),
        identifier=version.identifier,
        maker=version.maker.slug if version.maker else "",
        base="that you may not see" if hidden else str(base) if base else "",
        base_sealed=bool(base and base.sealed_at),
        lineage_circle=lineage_circle(version),
    ) + retired_reasons(lifecycle.out_of_use(lifecycle.named_by(version), reader))


def release_problems(release: Release, reader=None) -> list[Reason]:
    """Return all that keeps a draft release from being sealed; pages show the same.

    What `reader` may not see has no name in it.
    """
    version = release.model_version
    prompts = release.prompt_links.select_related("prompt_version__template")
    reasons = rules.release_seal_problems(
        templates=[link.prompt_version.template.slug for link in prompts],
        use_case=release.use_case.slug,
    )
    reasons += retired_reasons(lifecycle.out_of_use(lifecycle.named_by(release), reader))
    return reasons + ([] if version.sealed_at else version_problems(version, reader))


def _seal(change: Change, row, document: dict):
    content = canonical(document)
    row.content, row.digest, row.sealed_at = content.decode(), digest(content), change.now
    return change.save(row, event=f"{row._meta.model_name}.sealed", facts={"digest": row.digest})
