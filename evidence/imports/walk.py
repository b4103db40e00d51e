"""The walk over what a source says: each noun is found, created, brought up to date or left."""

from collections.abc import Mapping
from typing import Any

from django.db.models import Q

from audit import Change
from evidence.imports.plan import Step, Wish
from evidence.imports.runs import give_runs
from evidence.imports.said import Base, Data, Model, Said, Version, slug_of
from registry.models import (
    Dataset,
    DatasetVersion,
    ModelVersion,
    Person,
    Provider,
    RegisteredModel,
    VersionDataset,
)
from registry.models.use_cases import DataClass
from registry.transitions.rows import save_in

#: The name of a dataset version of which the source names none.
UNNAMED = "unnamed"
_METHODS = ModelVersion.FineTuning.values


def mark_of(kind: str) -> str:
    """Return the words in a change's reason by which its rows are known as imported."""
    return f"Import of {kind} "


class Walk:
    """One import within an open change: it writes as it goes and notes every step."""

    def __init__(self, change: Change, person: Person, said: Said, wish: Wish):
        self.change, self.person, self.said, self.wish = change, person, said, wish
        self.steps: list[Step] = []
        self.warnings: list[str] = []

    def everything(self) -> None:
        """Walk over all models, their versions, datasets and runs."""
        seen: dict[str, str] = {}
        for model in sorted(self.said.models, key=lambda model: slug_of(model.name)):
            slug = slug_of(model.name)
            if slug in seen:
                why = f"Its address {slug} is that of {seen[slug]} too. Rename one at the source."
                self.note("conflict", "model", model.name, why)
                continue
            seen[slug] = model.name
            self._model(slug, model)

    def note(self, verb: str, noun: str, name: str, because: str = "", **details) -> None:
        """Note one step."""
        self.steps.append(Step(verb, noun, name, because, details))

    # Models and versions

    def _model(self, slug: str, model: Model) -> None:
        wanted = {"description": model.description}
        row = RegisteredModel.objects.filter(slug=slug).first()
        if row is None:
            team = self.wish.team
            values = {"slug": slug, "name": model.name[:200], "team": team, "on_call_team": team}
            row = save_in(
                self.change, self.person, RegisteredModel, None, values={**values, **wanted}
            )
            self.note("create", "model", slug, **model.details)
        elif row.team_id != self.wish.team.pk:
            why = f"The address {slug} is taken by a model of another team. Name it otherwise."
            self.note("conflict", "model", slug, why)
            return
        else:
            self._bring_up_to_date(row, "model", slug, wanted, {}, model.details)
        for version in sorted(model.versions, key=lambda version: version.name):
            self._version(row, version)

    def _version(self, model: RegisteredModel, said: Version) -> None:
        name = f"{model.slug} {said.name}"
        row = ModelVersion.objects.filter(model=model, version=said.name).first()
        base = self._base(said, name, row)
        wanted = {
            "identifier": said.identifier[:200],
            "maker": self._maker(said, name),
            "licence": said.licence[:100],
            "card": said.card,
            "weights_digest": said.weights_digest,
            "base_version": base,
            "fine_tuning": said.relation if base and said.relation in _METHODS else "",
        }
        wanted = {key: value for key, value in wanted.items() if value not in ("", None)}
        links = self._data(said, name)
        if row is None:
            values = {"model": model, "version": said.name, **wanted}
            parts = {VersionDataset: links} if links else None
            row = save_in(self.change, self.person, ModelVersion, None, values=values, parts=parts)
            self.note("create", "model version", name, "A draft.", **said.details)
        else:
            self._bring_up_to_date(
                row, "model version", name, wanted, self._more(row, links, name), said.details
            )
        give_runs(self, row, said.runs)

    def _more(self, row: ModelVersion, links: list[dict], name: str) -> dict:
        """Return the datasets of a draft with those that it lacks; none if it lacks none."""
        there = list(row.dataset_links.order_by("pk"))
        known = {(link.dataset_version_id, link.role) for link in there}
        new = [link for link in links if (link["dataset_version"].pk, link["role"]) not in known]
        if not new:
            return {}
        if row.sealed_at is not None:
            named = ", ".join(str(link["dataset_version"]) for link in new)
            why = f"The version is sealed and does not name {named}. Import under another version."
            self.note("conflict", "dataset link", name, why)
            return {}
        kept = [{"dataset_version": link.dataset_version, "role": link.role} for link in there]
        return {VersionDataset: [*kept, *new]}

    def _bring_up_to_date(
        self, row, noun: str, name: str, wanted: Mapping, parts: Mapping, details: Mapping
    ) -> None:
        """Fill what is empty and renew what an import wrote; what people wrote since stays."""
        sealed = row.sealed_by and getattr(row, row.sealed_by) is not None
        before = (
            row.history.filter(history_change_reason__contains=f"[{mark_of(self.said.kind)}")
            .order_by("-history_date", "-history_id")
            .first()
        )
        values, kept = {}, []
        for field, value in wanted.items():
            column, key = row._meta.get_field(field).attname, getattr(value, "pk", value)
            now = getattr(row, column)
            if now == key or value == "":
                continue
            ours = now in ("", None) or (before is not None and getattr(before, column) == now)
            if ours and not sealed:
                values[field] = value
            else:
                kept.append(str(row._meta.get_field(field).verbose_name))
        if values or parts:
            save_in(self.change, self.person, type(row), row.pk, values=values, parts=parts)
            changed = sorted([*values, *(part._meta.model_name for part in parts)])
            self.note("change", noun, name, fields=changed, **details)
        if kept:
            listed = ", ".join(kept)
            why = (
                f"The version is sealed; the source now differs in: {listed}. "
                "Import under another version."
                if sealed
                else f"Somebody set this differently here, and it stays: {listed}."
            )
            self.note("conflict", noun, name, why)
        if not (values or parts or kept):
            self.note("link", noun, name, "It is so already.", **details)

    # What a version names

    def _maker(self, said: Version, name: str) -> Provider | None:
        for called in said.makers:
            found = (
                Provider.objects.filter(slug=slug_of(called)).first()
                or Provider.objects.filter(name__iexact=called).first()
            )
            if found:
                self.note("link", "provider", found.slug, f"The maker of {name}.")
                return found
        if said.makers:
            why = "No such provider is registered. An administrator adds it; run this again then."
            self.note("skip", "provider", said.makers[0], why)
        return None

    def _base(self, said: Version, name: str, row: ModelVersion | None) -> ModelVersion | None:
        """Return the base version if exactly one that the person sees bears its name."""
        if len(said.bases) > 1:
            listed = ", ".join(map(str, said.bases))
            why = f"{name} names several, and a version has one. Set it on the draft."
            self.note("skip", "base version", listed, why)
            return None
        for base in said.bases:
            found = self._named_as(base, row)
            if len(found) == 1:
                theirs, ours = base.weights_digest, found[0].weights_digest
                if theirs and ours and theirs != ours:
                    why = f"The base of {name} has weights of another digest than this version."
                    self.note("conflict", "base version", str(found[0]), why)
                    return None
                self.note("link", "base version", str(found[0]), f"The base of {name}.")
                return found[0]
            why = (
                "Several versions bear this name. Set the base on the draft."
                if found
                else "No version of this name is registered. Set the base once it is."
            )
            self.note("skip", "base version", str(base), why)
        return None

    def _named_as(self, base: Base, row: ModelVersion | None) -> list[ModelVersion]:
        """Return up to two versions that the person sees and that a base may be."""
        seen = ModelVersion.objects.visible_to(self.person).select_related("model")
        if row is not None:
            seen = seen.exclude(pk=row.pk)
        model = Q(model__slug=slug_of(base.name))
        ways = [Q(identifier=base.identifier or base.name)]
        if base.version:
            # Two versions may go by one name of their maker's; ours tell them apart.
            ways.insert(0, model & Q(version=slug_of(base.version)))
        else:
            ways.append(model)
        return next((found for way in ways if (found := list(seen.filter(way)[:2]))), [])

    def _data(self, said: Version, name: str) -> list[dict]:
        links = []
        for data in said.data:
            row = self._dataset(data)
            version = self._dataset_version(row, data) if row else None
            if version is not None:
                link = {"dataset_version": version, "role": data.role}
                if link not in links:
                    links.append(link)
        return links

    def _dataset(self, data: Data) -> Dataset | None:
        slug, seen = slug_of(data.name), Dataset.objects.visible_to(self.person)
        row = seen.filter(slug=slug).first()
        if row is None and Dataset.objects.filter(slug=slug).exists():
            why = f"The address {slug} is taken by a dataset of another team."
            self.note("conflict", "dataset", data.name, why)
            return None
        if row is None:
            values = {"slug": slug, "name": data.name[:200], "team": self.wish.team}
            row = save_in(self.change, self.person, Dataset, None, values=values)
            self.note("create", "dataset", slug)
        return row

    def _dataset_version(self, row: Dataset, data: Data) -> DatasetVersion | None:
        versions = row.versions.order_by("pk")
        found = list(versions.filter(version=data.version) if data.version else versions[:2])
        if len(found) == 1:
            if data.digest and found[0].digest and found[0].digest != data.digest:
                why = "Another digest is recorded for this version. One of the two is wrong."
                self.note("conflict", "dataset version", str(found[0]), why)
            else:
                self.note("link", "dataset version", str(found[0]), data.note)
            return found[0]
        if found:
            why = "The source names no version and there are several. Set it on the draft."
            self.note("skip", "dataset version", row.slug, why)
            return None
        # Guessed, these would decide where the data may go.
        named = data.classification if data.classification in DataClass.values else ""
        classification = self.wish.classification or named
        if row.team_id != self.wish.team.pk or not (classification and self.wish.jurisdiction):
            why = (
                "It has no version yet; its own team adds one."
                if row.team_id != self.wish.team.pk
                else "Classification and jurisdiction are not said. Name them and run this again."
            )
            self.note("skip", "dataset version", row.slug, why)
            return None
        values: dict[str, Any] = {
            "dataset": row,
            "version": (data.version or UNNAMED)[:60],
            "classification": classification,
            "jurisdiction": self.wish.jurisdiction,
            "digest": data.digest,
            "source": data.source[:500],
        }
        version = save_in(self.change, self.person, DatasetVersion, None, values=values)
        unknown = "" if data.digest else "Its digest is unknown."
        self.note("create", "dataset version", str(version), " ".join((unknown, data.note)).strip())
        return version
