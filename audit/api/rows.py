"""The base of every view that reads governed rows."""

from rest_framework.generics import get_object_or_404
from rest_framework.viewsets import ReadOnlyModelViewSet

from audit.api.answers import Answers
from audit.api.pages import CursorPages, behind
from audit.naming import hidden_parts, mark_unseen


class RowsView(Answers, ReadOnlyModelViewSet):
    """A list of the rows that the caller may see, and each of them by its address.

    Subclasses name the `model`, the list's `order` (ending in something unique), a serializer for
    the list and one for the row, and in `rows` and `row` what these read along, so that the
    number of queries does not follow the number of rows.
    """

    model = None
    order: tuple[str, ...] = ("-pk",)
    filterset_class = None
    pagination_class = CursorPages
    row_serializer_class = None
    #: Relations to rows that the caller may not see; they are null then, and counted in `hidden`.
    names: tuple[str, ...] = ()
    #: Parts that name such rows, as (part, link to the row, relation): of each line of the list,
    #: and what the answer about one row tells besides.
    line_parts: tuple[tuple, ...] = ()
    row_parts: tuple[tuple, ...] = ()

    def visible(self):
        """Return the rows that the caller may see."""
        return self.model.objects.visible_to(self.request.user)

    def rows(self, visible):
        """Return `visible` with what a line of the list says of other rows."""
        return visible

    def row(self, visible):
        """Return `visible` with what the page of one row says of other rows."""
        return self.rows(visible)

    def first(self, rows, count: int, position: list[str] | None):
        """Return the first `count` of `rows` in the list's order, from behind `position` on.

        Where the list is narrowed, keys alone are found and put in order first, by a statement of
        their own: a database that follows the narrowing's index would sort every row that it leads
        to, with all its columns and joins, for the few of one page, and PostgreSQL, given the keys
        as a subquery among more than `join_collapse_limit` relations, joins all rows first.
        """
        if position is not None:
            rows = behind(rows, self.order, position)
        page = rows.order_by(*self.order)[:count]
        if not page.query.where:
            return page
        keys = list(page.select_related(None).prefetch_related(None).values_list("pk", flat=True))
        return self.rows(self.model.objects.filter(pk__in=keys)).order_by(*self.order)

    def prepare(self, rows: list) -> None:
        """Set on the rows of an answer what it says of them that no join gives.

        `hidden` counts what they name and the caller may not see; `unnamed` says whether any.
        """
        user = self.request.user
        mark_unseen(rows, user, *self.names)
        for row in rows:
            row.hidden = len(row.unseen)
        for part, link, relation in (*self.line_parts, *(() if self.of_list else self.row_parts)):
            counts = hidden_parts(part, link, relation, rows, user)
            for row in rows:
                row.hidden += counts.get(row.pk, 0)
        for row in rows:
            row.unnamed = row.hidden > 0

    def paginate_queryset(self, queryset):
        rows = super().paginate_queryset(queryset)
        self.prepare(rows)
        return rows

    def get_queryset(self):
        if getattr(self, "swagger_fake_view", False):
            return self.model.objects.none()
        return self.rows(self.visible()) if self.of_list else self.row(self.visible())

    @property
    def of_list(self) -> bool:
        """Whether a list is asked for; sub-lists are actions of their own."""
        return not self.detail

    def get_object(self):
        found = {self.lookup_field: self.kwargs[self.lookup_url_kwarg or self.lookup_field]}
        row = get_object_or_404(self.get_queryset(), **found)
        self.prepare([row])
        return row

    def get_serializer_class(self):
        if self.of_list or self.row_serializer_class is None:
            return self.serializer_class
        return self.row_serializer_class

    def parameters(self):
        if not self.of_list:
            return frozenset()
        filters = self.filterset_class.base_filters if self.filterset_class else ()
        return frozenset({"cursor", "limit", *filters})
