"""What a reader is told of rows that they may not see: that there are some, never which."""

from collections.abc import Iterable
from typing import Any

from django.db import models

from audit.rules import article


class Unseen:
    """Stands where a row would stand that its reader may not see: it has a noun, and no more.

    With a `name` it stands for a row that is known by name alone, such as the team that answers
    for a shared model: its page is not the reader's to open.
    """

    #: No address is made of it.
    pk = ""

    def __init__(self, noun: type[models.Model], name: str = ""):
        self.noun, self.name = noun, name

    def __str__(self):
        return self.name or f"{article(self.noun._meta.verbose_name)} that you may not see"


def seen_keys(noun: type[models.Model], keys: Iterable, reader) -> set:
    """Return those of the keys whose rows the reader may see; no query for no keys."""
    keys = {key for key in keys if key is not None}
    if not keys:
        return set()
    rows = noun._default_manager.visible_to(reader).filter(pk__in=keys)
    return set(rows.order_by().values_list("pk", flat=True))


def mark_unseen(rows: Iterable[models.Model], reader, *relations: str) -> None:
    """Note on each row, as `unseen`, which of these relations lead to a row the reader may not see.

    The rows stay as they are: they can still be judged.
    """
    rows = list(rows)
    for row in rows:
        row.unseen = set()
    for name in relations if rows else ():
        field = rows[0]._meta.get_field(name)
        seen = seen_keys(field.related_model, (getattr(row, field.attname) for row in rows), reader)
        for row in rows:
            if getattr(row, field.attname) not in {None, *seen}:
                row.unseen.add(name)


def conceal(rows: Iterable[models.Model], reader, *relations: str) -> None:
    """Put an `Unseen` in place of every related row that the reader may not see.

    Without `relations` all foreign keys are looked at. The rows keep the keys themselves: they
    are fit to be shown by what they call others, and to be saved, but no longer to be judged.
    """
    rows = list(rows)
    if not rows:
        return
    meta, known = rows[0]._meta, {"change", rows[0].part_of}
    names = relations or [
        field.name
        for field in meta.concrete_fields
        if field.related_model
        and field.name not in known
        and hasattr(field.related_model._default_manager, "visible_to")
    ]
    mark_unseen(rows, reader, *names)
    for row in rows:
        for name in row.unseen:
            noun = meta.get_field(name).related_model
            called = str(getattr(row, name)) if noun.known_by_name else ""
            row._state.fields_cache[name] = Unseen(noun, called)


def naming_seen(parts: models.QuerySet, relation: str, reader) -> models.QuerySet:
    """Return those of `parts` whose `relation` names a row that the reader may see.

    Asked of each part by the key it names: a list of all that the reader may see would be made
    first otherwise, and grow with the registry.
    """
    seen = _visible(parts.model, relation, reader)
    return parts if seen is None else parts.filter(_named_in(seen, relation))


def hidden_parts(
    part: type[models.Model], link: str, relation: str, rows: Iterable, reader
) -> dict[Any, int]:
    """Return, by the key of the row in `link`, how many parts name in `relation` a hidden row.

    No query for a reader who may see all rows of that noun.
    """
    seen = _visible(part, relation, reader)
    if seen is None:
        return {}
    found = part._base_manager.filter(**{f"{link}__in": [row.pk for row in rows]})
    found = found.exclude(_named_in(seen, relation)).order_by().values_list(link)
    return dict(found.annotate(number=models.Count("pk")))


def _visible(part: type[models.Model], relation: str, reader) -> models.QuerySet | None:
    """Return the rows of the noun in `relation` that the reader may see; None for all of them."""
    seen = part._meta.get_field(relation).related_model._default_manager.visible_to(reader)
    return seen.order_by() if seen.query.where else None


def _named_in(seen: models.QuerySet, relation: str) -> models.Exists:
    return models.Exists(seen.filter(pk=models.OuterRef(relation)))
