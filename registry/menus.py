"""Menus of slugs that stay short however many rows there are."""

from dataclasses import dataclass

from django.db.models import QuerySet

#: Slugs that a menu holds; where there are more, one types, and these are offered.
MOST = 100


@dataclass(frozen=True)
class Menu:
    """One menu: its name in addresses, its label, what it offers, and what was given."""

    name: str
    label: str
    slugs: list[str]
    given: str
    #: Whether it offers all there are.
    whole: bool
    #: Whether nothing need be chosen, which then takes all.
    optional: bool = False


def menu(name: str, label: str, rows: QuerySet, given: str, *, optional: bool = False) -> Menu:
    """Return the menu of the slugs of `rows`, in their order; one query."""
    slugs = list(rows.order_by("slug").values_list("slug", flat=True)[: MOST + 1])
    return Menu(name, label, slugs[:MOST], given, len(slugs) <= MOST, optional)
