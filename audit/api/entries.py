"""Reading the log: all of it for auditors, one row's timeline for whoever sees that row."""

from django.apps import apps
from django.core.exceptions import ValidationError
from django.http import Http404
from django_filters import rest_framework as filters

from audit import Reason
from audit.api.filters import Ids, Number, Words
from audit.api.rows import RowsView
from audit.models import Entry, GovernedModel
from audit.refusals import NotAllowed
from audit.serializers import EntrySerializer


class EntryFilters(filters.FilterSet):
    about = filters.CharFilter(
        help_text="The row whose timeline is wanted, such as registry.release:12.", max_length=120
    )
    row = Words("row", "The rows that were written, such as registry.toolgrant:3.")
    event = Words("event", "What happened, such as release.sealed.")
    change = Ids("change", "Ids of changes.")
    after = Number(field_name="seq", lookup_expr="gt", help_text="Only entries behind this number.")


class EntriesView(RowsView):
    """The log's entries, oldest first, as they are stored and hashed.

    Auditors of all teams read the whole log. Others name with `about` a row that they may see,
    and read its timeline.
    """

    model = Entry
    order = ("seq",)
    lookup_value_regex = "[0-9]{1,18}"
    serializer_class = EntrySerializer
    filterset_class = EntryFilters

    def visible(self):
        user, entries = self.request.user, Entry.objects.all()
        if reads_the_log(user):
            return entries
        if not self.of_list:
            entry = entries.filter(pk=self.kwargs["pk"]).first()
            seen = entry is not None and sees_row(user, entry.about)
            return entries if seen else entries.none()
        about = self.request.query_params.get("about")
        if about is None:
            raise NotAllowed(
                Reason(
                    "NOT_ALLOWED",
                    "Reading the whole log takes the role auditor for all teams. Name with "
                    "`about` a row that you may see, to read its timeline.",
                    "about",
                )
            )
        if not sees_row(user, about):
            raise Http404
        return entries

    def rows(self, visible):
        return visible.select_related("change")


def reads_the_log(user) -> bool:
    """Whether `user` reads entries about every row there is."""
    return ("auditor", None) in user.grants


def sees_row(user, key: str) -> bool:
    """Whether `user` may see the row that the log calls `key`."""
    label, _, pk = key.rpartition(":")
    try:
        model = apps.get_model(label)
        pk = model._meta.pk.to_python(pk)
        model._meta.pk.run_validators(pk)
    except (LookupError, ValueError, ValidationError):
        return False
    if not issubclass(model, GovernedModel) or not hasattr(model.objects, "visible_to"):
        return False
    return model.objects.visible_to(user).filter(pk=pk).exists()


routes = (("audit/entries", EntriesView),)
