"""List filters that name only what the reader may see."""

from django.contrib.admin.filters import RelatedFieldListFilter

from audit.admin.visible import visible_rows

#: A filter is a list of links; past this many it helps nobody, and search does.
LONGEST = 50


class VisibleRelatedFilter(RelatedFieldListFilter):
    """The rows a foreign key points at, as far as the reader may see them.

    Of more than `LONGEST` it names the first, and its title says so.
    """

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if len(self.lookup_choices) > LONGEST:
            self.lookup_choices = self.lookup_choices[:LONGEST]
            self.title = f"{self.title}: the first {LONGEST}, search finds the others"

    def field_choices(self, field, request, model_admin):
        rows = visible_rows(
            model_admin.admin_site,
            field.remote_field.model,
            request,
            getattr(model_admin, "naming", {}).get(field.name, ()),
        )
        return [(row.pk, str(row)) for row in rows[: LONGEST + 1]]
