"""A list of the admin as CSV: its columns and filters, all its rows."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.utils import label_for_field, lookup_field
from django.core.exceptions import BadRequest
from django.db.models import Field

from audit import tables

UNREADABLE = "The list cannot be narrowed by what the address says. Choose its filters again."
#: What the address says of the page on show, and not of which rows there are.
OF_THE_PAGE = ("p", "o", "all", "e", "_popup", "_to_field", "_facets")


def of_list(model_admin, request) -> tables.Table:
    """Return the rows that the reader would page through, by the filters of the address."""
    given = request.GET.copy()
    for name in OF_THE_PAGE:
        given.pop(name, None)
    request.GET = given
    # A search finds no more than a page of the list counts, but for a file.
    request.whole = True
    try:
        rows = model_admin.get_changelist_instance(request).queryset
    except IncorrectLookupParameters:
        raise BadRequest(UNREADABLE) from None
    columns = list(_columns(model_admin, request))

    def said(chunk: list) -> Iterator[Sequence]:
        model_admin.name_rows(request, chunk)
        for row in chunk:
            yield [row.pk, *(value(row) for _, value in columns)]

    return tables.Table(
        ["id", *(head for head, _ in columns)], tables.newest(rows, said, by=model_admin.csv_by)
    )


def _columns(model_admin, request) -> Iterator[tuple[str, Callable[[Any], Any]]]:
    """Yield each column's head and what it says of a row."""
    said: dict[str, dict[str, Callable]] = {}
    for one in reversed(type(model_admin).__mro__):
        said |= vars(one).get("csv_columns", {})
    for name in model_admin.get_list_display(request):
        if name in said:
            yield from said[name].items()
        else:
            head = label_for_field(name, model_admin.model, model_admin)
            yield str(head), _value_of(name, model_admin)


def _value_of(name: str, model_admin) -> Callable[[Any], Any]:
    def value(row):
        field, _, found = lookup_field(name, row, model_admin)
        if isinstance(field, Field):
            if field.flatchoices:
                return getattr(row, f"get_{name}_display")()
            if field.related_model:
                return getattr(row, name)
        return found

    return value
