"""Rows as they were after a change, rebuilt from their history."""

from typing import Any

from django.db import models


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
