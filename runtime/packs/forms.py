"""What a pack is asked for with: its instant, its period, and whether as PDF too."""

from django import forms

from audit.admin.acts import ReasonForm
from runtime.incidents.forms import InstantField
from runtime.packs import report


class PackForm(ReasonForm):
    """A pack of a promotion."""

    as_of = InstantField(
        label="As of",
        required=False,
        help_text="What was known then is in it. Such as 2026-03-01T12:00:00Z; empty is now.",
    )
    pdf = forms.BooleanField(
        label="The report as PDF too",
        required=False,
        help_text="It takes some seconds more. HTML is in every pack, and prints well.",
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if not report.has_pdf():
            self.fields["pdf"].disabled = True
            self.fields["pdf"].help_text = report.NO_PDF


class PeriodForm(PackForm):
    """A pack of an environment."""

    since = InstantField(
        label="From",
        error_messages={"required": "Say where the period begins."},
        help_text="Where the period begins, such as 2026-01-01T00:00:00Z.",
    )
    field_order = ("since", "as_of", "pdf", "reason")

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["as_of"].label = "To"

    def clean(self):
        cleaned = super().clean()
        since, until = cleaned.get("since"), cleaned.get("as_of")
        if since and until and since >= until:
            self.add_error("since", "It begins where it ends, or later. Give an earlier instant.")
        return cleaned
