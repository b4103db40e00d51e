"""Tables of parts on the page of the row they belong to."""

from django.contrib import admin
from django.db.models import CharField
from django.forms import ModelChoiceField, TextInput

from audit.admin.forms import PartForm, PartFormSet
from audit.admin.visible import VisibleChoices


class GovernedInline(VisibleChoices, admin.TabularInline):
    """Parts of a row, saved with it by one verb; who may change the row may change them."""

    form = PartForm
    formset = PartFormSet
    extra = 1
    # A line of a table has less room than a form.
    formfield_overrides = {CharField: {"widget": TextInput(attrs={"size": 24})}}
    view_on_site = False
    #: Set for each request: whether the reader may only look, and how many parts they do not see.
    only_shown = False
    hidden = 0

    def get_queryset(self, request):
        """Return the parts with all that their names are made of, in one query."""
        paths = []
        for field in self.model._meta.concrete_fields:
            if field.remote_field and field.name not in ("change", self.model.part_of):
                paths.append(field.name)
                paths += [f"{field.name}__{path}" for path in self.naming.get(field.name, ())]
        rows = super().get_queryset(request)
        if self.only_shown:
            rows = self._visible(rows, request)
        return rows.select_related(*paths) if paths else rows

    def get_formset(self, request, obj=None, **kwargs):
        self.only_shown = not self.has_change_permission(request, obj)
        if self.only_shown and obj is not None:
            link = self.model.part_of or self.model.born_with
            parts = self.model._base_manager.filter(**{link: obj})
            self.hidden = parts.count() - self._visible(parts, request).count()
        formset = super().get_formset(request, obj, **kwargs)
        formset.reader = request.user
        return formset

    def _visible(self, rows, request):
        """Leave out parts that point at rows the reader may not see.

        Only where nothing is saved: what a form leaves out, saving it would take away.
        """
        for field in self.model._meta.concrete_fields:
            if field.remote_field and field.name not in ("change", self.model.part_of):
                seen = field.related_model._default_manager.visible_to(request.user)
                rows = rows.filter(**{f"{field.name}__in": seen.order_by()})
        return rows

    def formfield_for_dbfield(self, db_field, request, **kwargs):
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field is not None and hasattr(field.widget, "widget"):
            field.widget = field.widget.widget
        if isinstance(field, ModelChoiceField) and db_field.name != self.model.part_of:
            # Read once for all lines of a request, not once for each.
            menus = request.__dict__.setdefault("menus", {})
            key = (type(self), db_field.name)
            if key not in menus:
                # Not `list()`, which would count the rows first.
                menus[key] = [choice for choice in field.choices]  # noqa: C416
            field.choices = menus[key]
        return field

    def has_change_permission(self, request, obj=None):
        parent = self.admin_site.get_model_admin(self.parent_model)
        if obj is None or obj.pk is None:
            return parent.has_add_permission(request)
        return parent.has_change_permission(request, obj)

    has_add_permission = has_delete_permission = has_change_permission

    def has_view_permission(self, request, obj=None):
        return request.user.is_active
