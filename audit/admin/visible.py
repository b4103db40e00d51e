"""The rows a reader may choose from, the same wherever a menu or a filter offers them."""

from collections.abc import Callable
from functools import reduce

from django.contrib.admin.sites import AdminSite
from django.db import models

from audit.admin.forms import LinesFormField, ListFormField
from audit.fields import DocumentField

#: What narrows the menus of rows, besides who may see them: each takes a queryset and returns one
#: of the same noun. Filled in `AppConfig.ready()`; what a row names already stays offered to it.
menus: list[Callable[[models.QuerySet], models.QuerySet]] = []


def visible_rows(
    site: AdminSite, model: type[models.Model], request, through: tuple[str, ...] = ()
) -> models.QuerySet:
    """Return the rows of `model` that the reader may see, fit to be named in a menu.

    `through` are the relations that a row's name is made of; without them, and when the noun has
    an admin of its own, that one's query is used. Every row costs a query otherwise.
    """
    rows = model._default_manager.visible_to(request.user)
    if not through and site.is_registered(model):
        named = site.get_model_admin(model)
        # When a row was changed last is no part of its name, and a menu has many rows.
        rows = named.get_queryset(request).select_related(None)
        through = named.list_select_related or ()
    return rows.select_related(*through) if through else rows


def offered_rows(
    site: AdminSite, model: type[models.Model], request, through: tuple[str, ...] = ()
) -> models.QuerySet:
    """Return the rows of `model` that a menu offers for naming anew."""
    rows = visible_rows(site, model, request, through)
    return reduce(lambda found, narrow: narrow(found), menus, rows)


class VisibleChoices:
    """For admins and inlines: menus offer only what the reader may see, texts keep their lines.

    `naming` gives, for a foreign key, the relations its rows' names are made of; `list_fields`
    names the documents that are lists of words; `verbatim` the texts of which not even blanks at
    the ends are taken away.
    """

    naming: dict[str, tuple[str, ...]] = {}
    list_fields: tuple[str, ...] = ()
    verbatim: tuple[str, ...] = ()

    def formfield_for_foreignkey(self, db_field, request, **kwargs):
        kwargs.setdefault(
            "queryset",
            offered_rows(
                self.admin_site,
                db_field.remote_field.model,
                request,
                self.naming.get(db_field.name, ()),
            ),
        )
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def formfield_for_dbfield(self, db_field, request, **kwargs):
        if db_field.name in self.list_fields and isinstance(db_field, DocumentField):
            kwargs["form_class"] = ListFormField
            return db_field.formfield(**kwargs)
        if isinstance(db_field, models.URLField):
            kwargs["assume_scheme"] = "https"
        if isinstance(db_field, models.TextField) and not isinstance(db_field, DocumentField):
            kwargs |= {"form_class": LinesFormField, "strip": db_field.name not in self.verbatim}
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field is not None and hasattr(field.widget, "can_add_related"):
            # One quiet "+" beside a menu; the rest is reached from the row's own page.
            field.widget.can_change_related = False
            field.widget.can_view_related = False
            field.widget.can_delete_related = False
        return field
