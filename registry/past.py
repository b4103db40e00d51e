"""Rows as they were after a change, rebuilt from their history."""

from collections.abc import Iterable
from typing import Any

from django.db import models


def known_after(rows: models.QuerySet, number: int) -> models.QuerySet:
    """Return those of a few rows that were written by change `number`.

    It is compared as a sum: by itself it is a range of the log's own index, and a database that
    begins there reads every change there ever was to find ten rows.
    """
    return rows.alias(known=models.F("change__number") + 0).filter(known__lte=number)


def rows_at(model: type[models.Model], number: int, /, **where: Any) -> list:
    """Return the rows of a model as they stood after change `number`; one query.

    `where` names what never changes of a row, such as its key or the row it is part of. Rows
    that were made later, or had been removed by then, are not among them. What is kept out of
    history is not in them either.
    """
    rows = model.history.filter(change__number__lte=number, **where)
    newest = {row.id: row for row in rows.order_by("change__number", "history_id")}
    return [newest[pk].instance for pk in sorted(newest) if newest[pk].history_type != "-"]


def row_at(row: models.Model, number: int) -> models.Model | None:
    """Return one row as it stood after change `number`, or None before it was made."""
    found = rows_at(type(row), number, id=row.pk)
    return found[0] if found else None


def as_then(rows: Iterable[models.Model], number: int | None, *relations: str) -> dict[Any, Any]:
    """Return rows of one model by key, as they stood after change `number`; one query.

    Without a number they are as given. `relations` name what never changes of a row: what it leads
    to is taken over from the row given.
    """
    given = {row.pk: row for row in rows}
    if number is None or not given:
        return given
    then = rows_at(type(next(iter(given.values()))), number, id__in=list(given))
    for row in then:
        for name in relations:
            setattr(row, name, getattr(given[row.pk], name))
    return {row.pk: row for row in then}
