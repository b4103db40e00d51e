"""`GovernedAdmin`: Django's admin, with every side door led back to a verb."""

from collections.abc import Callable

from django.contrib import admin, messages
from django.contrib.admin.options import IS_POPUP_VAR, IncorrectLookupParameters, ShowFacets
from django.core.exceptions import PermissionDenied
from django.db import DataError, models
from django.http import Http404, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.text import capfirst

from audit import tables
from audit.admin import csv_files, history
from audit.admin.acts import Act, buttons_of, panels_of
from audit.admin.filters import VisibleRelatedFilter
from audit.admin.forms import GovernedForm, on_timeline
from audit.admin.lists import BoundedPaginator, GovernedChangeList
from audit.admin.visible import VisibleChoices
from audit.kept import position
from audit.models import Entry
from audit.naming import conceal
from audit.refusals import Conflict, Reason, Refused
from audit.rules import article


class GovernedAdmin(VisibleChoices, admin.ModelAdmin):
    """Pages of one governed noun.

    Subclasses answer `may` and `write`; `acts` are the verbs that have a page of their own.
    Rows the reader may not see are not there (404), rows closed by a seal or by nature are shown
    without buttons, and a refused verb comes back in words with everything that was entered.
    """

    form = GovernedForm
    actions = None
    acts: tuple[Act, ...] = ()
    change_form_template = "audit/change_form.html"
    paginator = BoundedPaginator
    show_full_result_count = False
    show_facets = ShowFacets.NEVER
    list_per_page = 50
    list_max_show_all = 50
    #: What the rows of a list need beyond a join; menus of the same rows do without it.
    list_prefetch: tuple = ()
    #: Columns that are long and that no list shows.
    list_late: tuple[str, ...] = ()
    #: Columns of the list's CSV in place of one of the page: {column: {head: what it says}}.
    csv_columns: dict[str, dict[str, Callable]] = {
        "changed": {
            "changed at": lambda row: row.change.at,
            "changed by": lambda row: row.change.actor_name,
        }
    }
    #: The column whose order is that of the CSV, the newest first; keys may not be in one.
    csv_by = "pk"
    #: Words under a field of the form, where the model's own do not say enough.
    help_texts: dict[str, str] = {}

    # What subclasses say

    def may(self, request, verb: str, obj=None) -> list[Reason]:
        """Return why the reader may not `verb` this row (or any, without a row); empty = may."""
        raise NotImplementedError

    def write(self, request, pk, *, values: dict, parts: dict, reason: str, form):
        """Call the noun's one verb and return the saved row; `pk` is None for a new one.

        `parts` holds the wanted parts by model, from inlines and from the form's own fields.
        """
        raise NotImplementedError

    def notices(self, request, obj) -> list[str]:
        """Return safe HTML that stands above the form: what every reader has to know first."""
        return []

    def pills(self, request, obj) -> list[str]:
        """Return the states that stand beside the noun under the title."""
        return []

    def name_rows(self, request, rows: list) -> None:
        """Fit the rows of one page of the list to be named in its columns."""
        columns = {column for column in self.get_list_display(request) if isinstance(column, str)}
        named = [
            field.name
            for field in self.opts.concrete_fields
            if field.related_model and field.name in columns
        ]
        if named:
            conceal(rows, request.user, *named)

    def sections(self, request, obj) -> list[str]:
        """Return safe HTML that the noun itself shows under its form, before other apps' panels."""
        return []

    # Who may what

    def objections(self, request, verb: str, obj=None) -> list[Reason]:
        """Return why the form cannot be saved: the row is closed, or the reader may not."""
        if obj is not None and verb == "change" and is_closed(obj):
            return [Reason("CLOSED", closed_sentence(obj))]
        return self.may(request, verb, obj)

    def has_module_permission(self, request):
        return request.user.is_active

    def has_view_permission(self, request, obj=None):
        return request.user.is_active

    def has_add_permission(self, request):
        return not self.objections(request, "add")

    def has_change_permission(self, request, obj=None):
        return not self.objections(request, "change", obj)

    def has_delete_permission(self, request, obj=None):
        return False

    # What is there

    def get_queryset(self, request):
        """Return the rows the reader may see, with what a list or a menu calls them by."""
        rows = super().get_queryset(request).visible_to(request.user)
        return rows.select_related("change", *(self.list_select_related or ()))

    def get_object(self, request, object_id, from_field=None):
        """Return the row, or 404: what may not be seen and what is not there look the same."""
        found = super().get_object(request, object_id, from_field)
        if found is None:
            raise Http404("There is no such row.")
        return found

    def get_changelist(self, request, **kwargs):
        return GovernedChangeList

    def get_changelist_instance(self, request):
        """Return the list; what no column can hold, such as a huge number, is no filter of it."""
        try:
            return super().get_changelist_instance(request)
        except (DataError, OverflowError, ValueError) as error:
            # The list without filters is shown instead, as for any other filter it cannot read.
            raise IncorrectLookupParameters from error

    def get_list_filter(self, request):
        return [self._visible_filter(item) for item in super().get_list_filter(request)]

    def _visible_filter(self, item):
        if isinstance(item, str) and "__" not in item:
            field = self.opts.get_field(item)
            if isinstance(field, models.ForeignKey):
                return (item, VisibleRelatedFilter)
        return item

    @admin.display(description="last changed", ordering="change__number")
    def changed(self, obj):
        """Return when, and by whom, the row was last changed; a column of most lists."""
        return format_html(
            '{} <span class="note">{}</span>',
            obj.change.at.strftime("%d %b %Y %H:%M"),
            obj.change.actor_name,
        )

    def get_list_prefetch(self, request) -> tuple:
        """Return `list_prefetch`; a noun whose columns name hidden rows asks who is reading."""
        return self.list_prefetch

    # Addresses

    def change_url(self, obj) -> str:
        """Return the address of the row's form."""
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=[obj.pk])

    def history_url(self, obj) -> str:
        """Return the address of the row's history."""
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_history", args=[obj.pk])

    def page_url(self, obj) -> str:
        """Return where a reader of the row belongs: its own page, or its form."""
        page = getattr(obj, "get_absolute_url", None)
        return page() if page else self.change_url(obj)

    def view_on_site(self, obj):
        # Never through `/r/…`, which would look the row up without asking who is reading.
        page = getattr(obj, "get_absolute_url", None)
        return page() if page else None

    def get_urls(self):
        name = f"{self.opts.app_label}_{self.opts.model_name}"
        acts = [
            path(
                f"<path:object_id>/{act.name}/",
                self.admin_site.admin_view(self._act_view(act)),
                name=f"{name}_{act.name}",
            )
            for act in self.acts
        ]
        whole = path("csv/", self.admin_site.admin_view(self.csv_view), name=f"{name}_csv")
        return [*acts, whole, *super().get_urls()]

    def csv_view(self, request):
        """Answer with all rows of the list, narrowed as the page is."""
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET", "HEAD"])
        return tables.answer(self.opts.model_name, csv_files.of_list(self, request))

    def _act_view(self, act):
        def view(request, object_id):
            return act.answer(self, request, self.get_object(request, object_id))

        return view

    def act_buttons(self, request, obj) -> list[dict]:
        """Return the verbs of a row as buttons, each with the reasons why it is off."""
        own = [
            {
                "name": act.name,
                "label": act.label,
                "url": act.url(obj),
                "primary": act.primary,
                "objections": act.objections(self, request, obj),
            }
            for act in self.acts
            if act.offered(obj)
        ]
        return [*own, *buttons_of(request, obj)]

    # Saving: the verb does all of it

    def save_model(self, request, obj, form, change):
        """Write nothing: `save_related` has all that the verb needs."""

    def save_related(self, request, form, formsets, change):
        """Call the verb once, with the row and its parts; one change, whole or not at all."""
        saved = self.write(
            request,
            form.instance.pk if change else None,
            values=form.values(),
            parts={
                **form.parts(),
                **{formset.model: formset.wanted() for formset in formsets},
            },
            reason=form.cleaned_data["reason"],
            form=form,
        )
        if change and form.cleaned_data.get("seen") is not None:
            _refuse_if_changed_since(saved, form.cleaned_data["seen"])
        form.instance.__dict__.update(saved.__dict__)

    def construct_change_message(self, request, form, formsets, add=False):
        return form.cleaned_data["reason"]

    def log_addition(self, request, obj, message):
        """Write nothing: the log has the entry, and there is no second log."""

    log_change = log_addition

    def log_deletions(self, request, queryset):
        """Write nothing: nothing is deleted here."""

    def get_form(self, request, obj=None, change=False, **kwargs):
        kwargs.setdefault("help_texts", self.help_texts)
        form = super().get_form(request, obj, change=change, **kwargs)
        refused = getattr(request, "refused", None)
        return form if refused is None else _refusing(form, refused)

    def changeform_view(self, request, object_id=None, form_url="", extra_context=None):
        try:
            try:
                response = super().changeform_view(request, object_id, form_url, extra_context)
            except Refused as refused:
                # The admin's transaction is rolled back by now. The same page again, whose form
                # says why; its uploads were read once.
                for _, uploads in request.FILES.lists():
                    for upload in uploads:
                        upload.seek(0)
                request.refused = refused
                response = super()._changeform_view(request, object_id, form_url, extra_context)
                response.status_code = refused.status
                return response
        except PermissionDenied:
            raise PermissionDenied(self._denied_sentence(request, object_id)) from None
        shown = getattr(response, "context_data", None) or {}
        if request.method == "POST" and shown.get("errors"):
            response.status_code = 422
        return response

    def _denied_sentence(self, request, object_id) -> str:
        obj = None if object_id is None else self.get_object(request, object_id)
        reasons = self.objections(request, "add" if obj is None else "change", obj)
        return " ".join(reason.sentence for reason in reasons)

    def render_change_form(self, request, context, add=False, change=False, form_url="", obj=None):
        if obj is not None:
            context |= {
                "act_buttons": self.act_buttons(request, obj),
                "panels": [*self.sections(request, obj), *panels_of(request, obj)],
                "notices": self.notices(request, obj),
                "pills": self.pills(request, obj),
                "closed": closed_sentence(obj) if is_closed(obj) else "",
                "why_not": () if is_closed(obj) else self.objections(request, "change", obj),
            }
            # Last: from here on the row is only shown.
            conceal([obj], request.user)
        return super().render_change_form(request, context, add, change, form_url, obj)

    def response_add(self, request, obj, post_url_continue=None):
        if IS_POPUP_VAR in request.POST:
            return super().response_add(request, obj, post_url_continue)
        return self._saved(request, obj)

    def response_change(self, request, obj):
        if IS_POPUP_VAR in request.POST:
            return super().response_change(request, obj)
        return self._saved(request, obj)

    def _saved(self, request, obj):
        noun, name = self.opts.verbose_name, str(obj)
        said = name if name.startswith(noun) else f"{noun} {name}"  # promotion 12 says it itself
        messages.success(request, f"{capfirst(said)} is saved.")
        if "_addanother" in request.POST:
            target = reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_add")
        elif "_continue" in request.POST:
            target = self.change_url(obj)
        else:
            target = self.page_url(obj)
        return HttpResponseRedirect(target)

    # What else Django's admin would do

    def delete_view(self, request, object_id, extra_context=None):
        self.get_object(request, object_id)
        raise PermissionDenied(
            f"{capfirst(self.opts.verbose_name_plural)} are never deleted: they are the record."
        )

    def history_view(self, request, object_id, extra_context=None):
        return history.page(self, request, self.get_object(request, object_id))


def is_closed(row) -> bool:
    """Whether the database itself refuses to change the row any more."""
    return row.append_only or bool(row.sealed_by and getattr(row, row.sealed_by) is not None)


def closed_sentence(row) -> str:
    """Return why a closed row has no buttons."""
    noun = row._meta.verbose_name
    if row.append_only:
        return f"What stands in {article(noun)} never changes: what is new becomes a new one."
    word = row.sealed_by.removesuffix("_at").replace("_", " ")
    when = getattr(row, row.sealed_by)
    return f"This {noun} is {word} since {when:%d %b %Y %H:%M} UTC and never changes again."


def _refuse_if_changed_since(row, seen: int) -> None:
    """Refuse when others wrote on the row's timeline after entry `seen`, which the reader saw.

    Asked after the verb, in the same transaction: the verb's own entries hold the log's head, so
    nobody can come in between, and no row is locked in an order of our own.
    """
    if (
        Entry.objects.filter(on_timeline(row), seq__gt=seen)
        .exclude(change__number=position())
        .exists()
    ):
        raise Conflict(
            Reason(
                "CHANGED_MEANWHILE",
                "Somebody changed this while you were writing. Nothing was saved and what you "
                "entered is kept: read the history, then save again.",
            )
        )


def _refusing(form, refused):
    """Return the form class with a `clean` that says the reasons of a refused verb."""

    def clean(self):
        cleaned = super(refusing, self).clean()
        for reason in refused.reasons:
            self.add_error(reason.field if reason.field in self.fields else None, reason.sentence)
        return cleaned

    refusing = type(form.__name__, (form,), {"clean": clean})
    return refusing
