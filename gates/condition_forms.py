"""The part of a signature's form that sets conditions, and the form that closes one."""

from collections.abc import Iterable
from datetime import UTC, datetime, time

from django import forms

from audit.admin.acts import ReasonForm
from evidence.kinds import KINDS
from evidence.models import EvidenceItem
from gates.causes import Choice
from gates.conditions import OWNERS, owners_for
from gates.rules.conditions import Asked

#: Lines that the form of a signature offers.
LINES = 3


class LastOfDayField(forms.DateField):
    """A day, kept as its last instant in UTC."""

    widget = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")

    def clean(self, value):
        day = super().clean(value)
        return day and datetime.combine(day, time.max, UTC)


def condition_fields(team, causes: Iterable[Choice] = ()) -> dict[str, forms.Field]:
    """Return the fields of all lines, by name; which of them must be filled in the rule says.

    What a condition may follow from is asked only where there are `causes`.
    """
    causes = list(causes)
    people = owners_for(team).values_list("pk", "username", "name")[:OWNERS]
    owners = [("", "Choose…"), *((pk, f"{name} ({username})") for pk, username, name in people)]
    kinds = [("", "Choose…"), *((kind.slug, kind.name) for kind in KINDS.values())]
    fields = {}
    for place in range(1, LINES + 1):
        name, label = f"condition_{place}", f"Condition {place}"
        needed = place == 1
        fields |= {
            f"{name}_text": forms.CharField(
                label=label,
                required=needed,
                error_messages={"required": "Say what must be done."},
                max_length=1000,
                widget=forms.Textarea(attrs={"rows": 2, "class": "vLargeTextField"}),
                help_text="What must be done, so that somebody else can see whether it is.",
            ),
            f"{name}_owner": forms.ChoiceField(
                label=f"{label}: who meets it",
                required=needed,
                choices=owners,
                error_messages={"required": "Choose who meets it."},
            ),
            f"{name}_due": LastOfDayField(
                label=f"{label}: due on",
                required=needed,
                error_messages={"required": "Give the day by which it is met."},
                help_text="At the end of that day, in UTC, an open condition ends the approval.",
            ),
            f"{name}_kind": forms.ChoiceField(
                label=f"{label}: closed by evidence of the kind",
                required=needed,
                choices=kinds,
                error_messages={"required": "Choose the kind of evidence that closes it."},
            ),
        }
        if causes:
            fields[f"{name}_follows_from"] = forms.ChoiceField(
                label=f"{label}: follows from",
                required=False,
                choices=[("", "nothing of the kind"), *causes],
                help_text="A follow-up of an incident, which is done when the condition is closed.",
            )
    return fields


def conditions_asked(cleaned: dict) -> list[Asked]:
    """Return the lines that were filled in at all, in order."""
    asked = []
    for place in range(1, LINES + 1):
        text, owner, due, kind, cause = (
            cleaned.get(f"condition_{place}_{part}")
            for part in ("text", "owner", "due", "kind", "follows_from")
        )
        if text or owner or due or kind or cause:
            owned = int(owner) if owner else None
            asked.append(Asked(text or "", owned, due, kind or "", cause or ""))
    return asked


class CloseForm(ReasonForm):
    """Closing a condition: which item shows that it is met."""

    item = forms.ModelChoiceField(
        EvidenceItem.objects.none(),
        label="Evidence",
        empty_label="Choose…",
        help_text="Given after the signature, by somebody other than you.",
        error_messages={
            "required": "Choose the evidence that shows it.",
            "invalid_choice": "Choose one of the items listed.",
        },
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if self.row is None:
            return
        release = self.row.promotion.release
        items = EvidenceItem.objects.visible_to(self.request.user).filter(
            kind=self.row.evidence_kind, created_at__gt=self.row.sign_off.signed_at
        )
        about = items.filter(release=release) | items.filter(version=release.model_version_id)
        self.fields["item"].queryset = about.order_by("-created_at")
