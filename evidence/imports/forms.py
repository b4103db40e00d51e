"""The form of an imported model card: the file, and what no card says."""

import base64
import binascii

from django import forms
from django.core.exceptions import ValidationError
from django.utils.html import format_html

from audit import Refused
from audit.admin.forms import reason_field
from evidence import rules
from evidence.imports import cards
from evidence.imports.plan import Wish
from evidence.imports.said import Said
from registry import rights
from registry.models import Team
from registry.models.use_cases import DataClass

UNITS = (
    ("", "not confirmed"),
    ("fraction", "fraction (0 to 1)"),
    ("%", "per cent"),
    ("points", "points"),
    ("s", "seconds"),
    ("ms", "milliseconds"),
)
#: Select fields of one page; the scores after these keep no unit until another import.
MOST_UNITS = 100


class CardForm(forms.Form):
    """A card is uploaded once; from then on its bytes travel with the form, under their plan."""

    file = forms.FileField(
        label="Model card",
        error_messages={"required": "Choose the file of a model card."},
        help_text="Markdown with YAML settings at its head, at most 1 MiB.",
        widget=forms.ClearableFileInput(attrs={"accept": ".md,.markdown,text/markdown"}),
    )
    team = forms.ModelChoiceField(
        Team.objects.none(), label="Team", help_text="The team that will own the model."
    )
    model = forms.CharField(
        label="Name of the model",
        max_length=200,
        required=False,
        help_text="Only if it is not the one that the card says.",
    )
    version = forms.CharField(
        label="Version", max_length=60, initial="1", help_text="Our name for it, such as 3."
    )
    classification = forms.ChoiceField(
        label="Classification of new datasets",
        required=False,
        choices=[("", "not said"), *DataClass.choices],
        help_text="Cards do not say it; without it, datasets that are new get no version yet.",
    )
    jurisdiction = forms.CharField(
        label="Jurisdiction of new datasets",
        max_length=20,
        required=False,
        help_text="Where the data comes under law, such as DE.",
    )
    ran_at = forms.DateTimeField(
        label="When the scores were measured",
        required=False,
        input_formats=["%Y-%m-%d"],
        help_text="As 2026-09-30, in UTC. Left empty, the time of the import is kept.",
    )
    reason = reason_field()
    kept = forms.CharField(required=False, widget=forms.HiddenInput, strip=False)
    kept_name = forms.CharField(required=False, widget=forms.HiddenInput)
    plan = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args, user, **kwargs):
        super().__init__(*args, **{"label_suffix": "", **kwargs})
        teams = Team.objects.visible_to(user)
        self.fields["team"].queryset = teams.filter(
            pk__in=[team.pk for team in teams if not rights.may(user, "register", team)]
        )
        # Only once a card is kept with the form is there no need to choose it again.
        self.fields["file"].required = not self.data.get("kept")
        #: (suite, metric) by the name of its unit's field.
        self.units: dict[str, tuple[str, str]] = {}

    def clean(self):
        cleaned = super().clean()
        if upload := cleaned.get("file"):
            cleaned["bytes"] = upload.read(cards.LARGEST + 1)
            cleaned["name"] = rules.clean_name(upload.name)
        elif cleaned.get("kept"):
            try:
                cleaned["bytes"] = base64.b64decode(cleaned["kept"], validate=True)
            except (binascii.Error, ValueError):
                raise ValidationError(
                    "Choose the file again; what was kept is not whole."
                ) from None
            cleaned["name"] = rules.clean_name(cleaned.get("kept_name", ""))
        return cleaned

    def read(self) -> Said:
        """Return what the card says, and ask for the unit of each figure from here on."""
        cleaned = self.cleaned_data
        said = cards.read(
            cleaned["bytes"],
            name=cleaned["name"],
            version=cleaned["version"],
            model=cleaned["model"],
        )
        version = said.models[0].versions[0]
        figures = {(run.suite, score.metric): score for run in version.runs for score in run.scores}
        for place, ((suite, metric), score) in enumerate(figures.items()):
            if place == MOST_UNITS:
                break
            name = f"unit_{place}"
            self.units[name] = (suite, metric)
            self.fields[name] = forms.ChoiceField(
                label=f"Unit of {metric}, {suite}",
                required=False,
                choices=UNITS,
                help_text=f"Reported: {score.text}{f' {score.unit}' if score.unit else ''}.",
            )
        return said

    def wish(self) -> Wish:
        """Return what the person decided. Call it after `read`."""
        cleaned = self.cleaned_data
        units = {}
        for name, (suite, metric) in self.units.items():
            value = self.data.get(name, "")
            if value in dict(UNITS) and value:
                units[f"{suite}/{metric}"] = value
        return Wish(
            team=cleaned["team"],
            units=units,
            classification=cleaned["classification"],
            jurisdiction=cleaned["jurisdiction"],
            ran_at=cleaned["ran_at"],
        )

    def keep(self, plan_digest: str = "") -> None:
        """Let the form carry the card on, with the digest of the plan that is shown beside it.

        Nothing is kept of a card that is missing or too large.
        """
        if not 0 < len(self.cleaned_data.get("bytes", b"")) <= cards.LARGEST:
            return
        self.data = self.data.copy()
        self.data["kept"] = base64.b64encode(self.cleaned_data["bytes"]).decode()
        self.data["kept_name"] = self.cleaned_data["name"]
        self.data["plan"] = plan_digest
        self.fields["file"].required = False
        self["file"].help_text = format_html(
            "“{}” is kept. Choose a file only to take another.", self.cleaned_data["name"]
        )

    def refuse(self, refused: Refused) -> None:
        """Put the reasons of a refusal beside the fields that they are about."""
        for reason in refused.reasons:
            field = reason.field if reason.field in self.fields else None
            self.add_error(field, reason.sentence)
