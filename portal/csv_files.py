"""The lists of the portal's own pages as CSV: one door for each page that has one."""

from collections.abc import Iterator

from django.urls import path, reverse
from django.utils.http import urlencode
from django.utils.module_loading import import_string
from django.views.decorators.http import require_safe

from audit import tables
from audit.admin.csv_files import OF_THE_PAGE
from portal.pages import PAGES, Page

#: What waits for the reader stands on the overview, which is the site's own page.
WAITING = Page("waiting/", "", "waiting", "index", "portal.overview.table")
LISTS = (*(page for page in PAGES if page.csv), WAITING)
#: Where a page of a list begins; its file has all of it.
PLACES = (*OF_THE_PAGE, "page", "after", "before")


def routes(wrap) -> Iterator:
    """Yield the addresses of all lists; `wrap` asks for sign-in."""
    for page in LISTS:
        yield path(f"{page.route.rstrip('/')}.csv", wrap(_door(page)), name=page.csv_name)


def _door(page: Page):
    @require_safe
    def view(request, **kwargs):
        table = import_string(page.csv)(request, **kwargs)
        if table.reasons:
            # The page says what it cannot read of the same address.
            return import_string(page.view)(request, **kwargs)
        return tables.answer(page.name.replace("_", "-"), table)

    return view


def address(request) -> str:
    """Return where the list of the page on show is had as CSV, narrowed as it is; or nothing."""
    match = request.resolver_match
    page = next((one for one in LISTS if match and one.name == match.url_name), None)
    if page is None:
        return ""
    given = request.GET.copy()
    for name in PLACES:
        given.pop(name, None)
    kept = {name: value for name, value in given.items() if value}
    url = reverse(f"admin:{page.csv_name}", kwargs=match.kwargs)
    return f"{url}?{urlencode(kept)}" if kept else url
