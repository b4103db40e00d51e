"""Documents as far as a reader may see what they name: hidden rows are taken out and counted."""

from collections.abc import Callable
from dataclasses import dataclass

from django.db.models import Model

from audit.naming import mark_unseen, seen_keys
from registry.models import ModelVersion, Release

Name = tuple[str, str]


@dataclass(frozen=True)
class Names:
    """Where the document of a noun names other rows: a part of its own, and a list of parts.

    `link` and `relation` lead to the rows that the list is of, `called` gives what the document
    calls such a row, and `of` what it calls one of the list.
    """

    part: str
    listed: str
    link: str
    relation: str
    whole: str
    called: Callable[[Model], Name]
    of: Callable[[dict], Name]


NAMES: dict[type[Model], Names] = {
    ModelVersion: Names(
        "base_version",
        "datasets",
        "dataset_links",
        "dataset_version",
        "dataset",
        lambda row: (row.dataset.slug, row.version),
        lambda part: (part["dataset"], part["version"]),
    ),
    Release: Names(
        "model_version",
        "prompts",
        "prompt_links",
        "prompt_version",
        "template",
        lambda row: (row.template.slug, str(row.number)),
        lambda part: (part["template"], str(part["number"])),
    ),
}


def without_hidden(row: Model, document: dict, reader) -> tuple[dict, int]:
    """Return the document without what `reader` may not see, and how much that is.

    A part of its own becomes None and stands in `row.unseen`, a part of a list is left out.
    """
    names = NAMES.get(type(row))
    mark_unseen([row], reader, *([names.part] if names else []))
    if names is None:
        return document, 0
    if row.unseen:
        document = {**document, names.part: None}
    links = getattr(row, names.link).select_related(f"{names.relation}__{names.whole}")
    rows = [getattr(link, names.relation) for link in links]
    noun = row._meta.get_field(names.link).related_model._meta.get_field(names.relation)
    seen = seen_keys(noun.related_model, (one.pk for one in rows), reader)
    unseen = {names.called(one) for one in rows if one.pk not in seen}
    kept = [part for part in document[names.listed] if names.of(part) not in unseen]
    hidden = len(row.unseen) + len(document[names.listed]) - len(kept)
    return {**document, names.listed: kept}, hidden
