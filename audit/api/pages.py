"""Pages of bounded size, each naming the one behind it by where it ended, not by counting."""

import re

from django.core import signing
from django.db.models import Q, QuerySet
from drf_spectacular.utils import OpenApiParameter
from rest_framework.pagination import BasePagination
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from audit import Reason
from audit.refusals import NotUnderstood

DEFAULT_LIMIT = 50
MAX_LIMIT = 200

LIMIT = re.compile(r"[0-9]{1,9}")


class CursorPages(BasePagination):
    """Rows in the view's `order`, which must end in something unique, from a cursor on.

    A cursor is signed: what comes back was made here, for this list, so that none of it needs to
    be judged again before it reaches the database.
    """

    def paginate_queryset(self, queryset, request, view=None):
        self._request = request
        self._signer = signing.Signer(salt=f"cursor:{view.basename}")
        limit = _limit(request.query_params.get("limit"))
        cursor = request.query_params.get("cursor")
        position = self._position(cursor) if cursor else None
        rows = list(view.first(queryset, limit + 1, position))
        self._next = self._cursor(rows[limit - 1], view.order) if len(rows) > limit else None
        return rows[:limit]

    def get_paginated_response(self, data):
        address = self._request.build_absolute_uri()
        following = self._next and replace_query_param(address, "cursor", self._next)
        return Response({"next": following, "results": data})

    def _cursor(self, row, order) -> str:
        names = (name.lstrip("-") for name in order)
        fields = (row._meta.pk if name == "pk" else row._meta.get_field(name) for name in names)
        return self._signer.sign_object([field.value_to_string(row) for field in fields])

    def _position(self, cursor: str) -> list[str]:
        try:
            return self._signer.unsign_object(cursor)
        except signing.BadSignature:
            sentence = "This is no cursor of this list. Begin without one and follow `next`."
            raise NotUnderstood(Reason("CURSOR", sentence, "cursor")) from None

    def get_paginated_response_schema(self, schema):
        following = {
            "type": ["string", "null"],
            "format": "uri",
            "description": "Address of the next page; null on the last.",
        }
        return {
            "type": "object",
            "required": ["next", "results"],
            "properties": {"next": following, "results": schema},
        }

    def get_schema_operation_parameters(self, view):
        limit = {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT}
        return [
            {
                "name": "cursor",
                "in": OpenApiParameter.QUERY,
                "description": "Where to go on, as `next` of the page before says.",
                "schema": {"type": "string"},
            },
            {
                "name": "limit",
                "in": OpenApiParameter.QUERY,
                "description": "Rows on a page.",
                "schema": limit,
            },
        ]


def _limit(given: str | None) -> int:
    if given is None:
        return DEFAULT_LIMIT
    if not LIMIT.fullmatch(given) or not 1 <= int(given) <= MAX_LIMIT:
        sentence = f"A page has 1 to {MAX_LIMIT} rows. Give the limit as a whole number."
        raise NotUnderstood(Reason("LIMIT", sentence, "limit"))
    return int(given)


def behind(rows: QuerySet, order: tuple[str, ...], position: list[str]) -> QuerySet:
    """Return the rows that come after `position` (one value for each column of `order`)."""
    found, same = Q(), Q()
    for column, value in zip(order, position, strict=True):
        name, sign = column.lstrip("-"), "lt" if column.startswith("-") else "gt"
        if not same:
            # Said of the first column alone, so that its index finds the place.
            rows = rows.filter(**{f"{name}__{sign}e": value})
        found |= same & Q(**{f"{name}__{sign}": value})
        same &= Q(**{name: value})
    return rows.filter(found)
