"""What the admin pages of the registry have in common."""

from django.contrib import admin, messages
from django.contrib.admin.filters import SimpleListFilter
from django.urls import reverse
from django.utils.html import format_html, format_html_join

from audit.admin import GovernedAdmin, lists
from registry import lifecycle, rights, search
from registry.roles import REGISTER
from registry.standing import deprecated_sentences
from registry.transitions import save_row
from registry.transitions.rows import NOUNS


class Searched:
    """A list whose box finds what the search page finds."""

    def get_search_results(self, request, queryset, search_term):
        found = None
        if search_term.strip():
            most = None if getattr(request, "whole", False) else lists.COUNTED + 1
            found = search.narrowed(queryset, search_term, most=most)
        if found is None:
            return super().get_search_results(request, queryset, search_term)
        return found, False


class RegistryAdmin(Searched, GovernedAdmin):
    """A noun of the registry: rights from `registry.rights`, writing through `save_row`."""

    def may(self, request, verb, obj=None):
        if verb in ("add", "change"):
            verb = "save"
        return rights.may(request.user, verb, obj if obj is not None else self.model)

    def get_readonly_fields(self, request, obj=None):
        """Fields that keep their first value are shown, not offered."""
        fixed = list(super().get_readonly_fields(request, obj))
        if obj is not None and self.model in NOUNS:
            fixed += [name for name in NOUNS[self.model].set_once if getattr(obj, name)]
        return fixed

    def formfield_for_foreignkey(self, db_field, request, **kwargs):
        """Offer as owner only what is the reader's to register for."""
        field = super().formfield_for_foreignkey(db_field, request, **kwargs)
        path = rights.OWNER.get(self.model, "").split(".")
        if db_field.name == path[0] and not rights_for_all(request.user):
            teams = registers_for(request.user)
            field.queryset = field.queryset.filter(**{"__".join([*path[1:], "pk__in"]): teams})
        return field

    def write(self, request, pk, *, values, parts, reason, form):
        saved = save_row(
            self.model, pk, values=values, parts=parts, actor=request.user, reason=reason
        )
        named = lifecycle.out_of_use(lifecycle.named_by(saved), request.user)
        for sentence in deprecated_sentences(named):
            messages.warning(request, sentence)
        return saved


def rights_for_all(user) -> bool:
    """Whether the reader registers for every team."""
    return any(role in REGISTER and team is None for role, team in user.grants)


def registers_for(user) -> list[int]:
    """Return the keys of the teams that the reader registers for."""
    return [team for role, team in user.grants if role in REGISTER and team is not None]


class SealedFilter(SimpleListFilter):
    """Drafts or sealed rows."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request, model_admin):
        return (("draft", "draft"), ("sealed", "sealed"))

    def queryset(self, request, queryset):
        if self.value() in ("draft", "sealed"):
            return queryset.filter(sealed_at__isnull=self.value() == "draft")
        return queryset


class SealedColumn:
    """For lists of nouns that are sealed."""

    csv_columns = {
        "state": {
            "state": lambda row: "sealed" if row.sealed_at else "draft",
            "sealed at": lambda row: row.sealed_at,
        }
    }

    @admin.display(description="state", ordering="sealed_at")
    def state(self, obj):
        return f"sealed {obj.sealed_at:%d %b %Y}" if obj.sealed_at else "draft"


def form_url(row) -> str:
    """Return the address of a row's form."""
    return admin.site.get_model_admin(type(row)).change_url(row)


def add_url(model, /, **initial) -> str:
    """Return the address of the form for a new row of `model`, with these fields filled in."""
    query = "&".join(f"{name}={value}" for name, value in initial.items())
    url = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_add")
    return f"{url}?{query}" if query else url


def offered_url(request, model, /, **initial) -> str:
    """Return the address of the form for a new row, or nothing for who may register none."""
    return "" if rights.may(request.user, "save", model) else add_url(model, **initial)


def add_button(request, label: str, about, model, /, **initial) -> dict:
    """Return a button that leads to the form of a new row belonging to `about`."""
    return {
        "name": f"add-{model._meta.model_name}",
        "label": label,
        "url": add_url(model, **initial),
        "primary": True,
        "objections": rights.may(request.user, "save", about),
    }


def list_section(title: str, rows, *, link: str = "", words: str = "", empty: str) -> str:
    """Return a box with one line per row: `rows` are (url, name, note)."""
    lines = format_html_join(
        "",
        '<li><div class="row brief"><div><a href="{}">{}</a></div>'
        '<div class="sentence">{}</div></div></li>',
        rows,
    )
    anchor = "-".join(title.lower().split())
    return format_html(
        '<section class="box" id="{}" aria-labelledby="{}-title"><div class="box-head">'
        '<h2 id="{}-title">{}</h2>{}</div>{}</section>',
        anchor,
        anchor,
        anchor,
        title,
        format_html('<span class="box-links"><a href="{}">{}</a></span>', link, words)
        if link
        else "",
        format_html('<ul class="rows">{}</ul>', lines)
        if lines
        else format_html('<p class="empty">{}</p>', empty),
    )
