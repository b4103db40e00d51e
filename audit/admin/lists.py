"""Lists that cost the same however long they are."""

from calendar import monthrange
from datetime import date, datetime

from django.contrib.admin.views.main import ChangeList
from django.core.paginator import Paginator
from django.utils import formats, timezone
from django.utils.functional import cached_property
from django.utils.text import capfirst

from audit.admin.csv_files import OF_THE_PAGE

#: Rows that a list counts, and so the last that its pages reach; what lies behind is found by
#: filters and search.
COUNTED = 1000


class BoundedPaginator(Paginator):
    """Counts no further than `COUNTED`: counting all rows would read all of them."""

    @cached_property
    def counted(self) -> int:
        return self.object_list.order_by()[: COUNTED + 1].count()

    @property
    def beyond(self) -> bool:
        """Whether there are more rows than were counted."""
        return self.counted > COUNTED

    @property
    def count(self) -> int:
        return min(self.counted, COUNTED)


class GovernedChangeList(ChangeList):
    """A list that fetches what its columns need in a number of queries that never grows."""

    def get_queryset(self, request, *args, **kwargs):
        rows = super().get_queryset(request, *args, **kwargs)
        rows = rows.prefetch_related(*self.model_admin.get_list_prefetch(request))
        return rows.defer(*self.model_admin.list_late)

    def get_results(self, request):
        super().get_results(request)
        page = self.result_list
        if page.query.where:
            # Keys are put in order first, for the reasons that `RowsView.first` names.
            keys = page.prefetch_related(None).values_list("pk", flat=True)
            page = self.queryset.filter(pk__in=list(keys))
        self.result_list = list(page)
        self.model_admin.name_rows(request, self.result_list)

    @property
    def csv_url(self) -> str:
        """The address of all rows as CSV, narrowed as the page is."""
        return f"csv/{self.get_query_string(remove=[*OF_THE_PAGE])}"

    @cached_property
    def dates(self) -> dict | None:
        """The years, months or days that the list can be narrowed to, and the way back.

        All between the first and the last: which of them have a row would be read from all rows.
        """
        name = self.date_hierarchy
        narrowed = any(param.startswith(f"{name}__") for param in self.params)
        if not name or (self.query and not narrowed):
            return None  # what was searched for is short
        dated = self.queryset.filter(**{f"{name}__isnull": False}).values_list(name, flat=True)
        first, last = dated.order_by(name).first(), dated.order_by(f"-{name}").first()
        if not first:
            return None
        year, month, day = (
            int(value) if (value := self.params.get(f"{name}__{part}")) else None
            for part in ("year", "month", "day")
        )
        first, last = _day(first), _day(last)
        if not year and first.year == last.year:
            year = first.year
            month = first.month if first.month == last.month else None
        if not year:
            choices = [({"year": year}, str(year)) for year in range(first.year, last.year + 1)]
            return self._narrowing(name, None, choices)
        if not month:
            months = [date(year, month, 1) for month in range(first.month, last.month + 1)]
            choices = [({"year": year, "month": one.month}, _month(one)) for one in months]
            return self._narrowing(name, ({}, "All dates"), choices)
        if not day:
            until = min(last.day, monthrange(year, month)[1])
            days = [date(year, month, day) for day in range(first.day, until + 1)]
            choices = [({"year": year, "month": month, "day": one.day}, _on(one)) for one in days]
            return self._narrowing(name, ({"year": year}, str(year)), choices)
        one = date(year, month, day)
        back = ({"year": year, "month": month}, _month(one))
        return self._narrowing(name, back, [(None, _on(one))])

    def _narrowing(self, name: str, back, choices) -> dict:
        def link(parts, title):
            if parts is None:
                return {"title": title}
            params = {f"{name}__{part}": value for part, value in parts.items()}
            return {"link": self.get_query_string(params, [f"{name}__"]), "title": title}

        return {"back": back and link(*back), "choices": [link(*choice) for choice in choices]}


def _day(value: date | datetime) -> date:
    return timezone.localtime(value).date() if isinstance(value, datetime) else value


def _month(day: date) -> str:
    return capfirst(formats.date_format(day, "YEAR_MONTH_FORMAT"))


def _on(day: date) -> str:
    return capfirst(formats.date_format(day, "MONTH_DAY_FORMAT"))
