"""The form of a requirement: its words, and the terms of its type as fields of their own."""

import json
from typing import Any

from django import forms

from audit.admin.forms import GovernedForm
from evidence.kinds import KINDS
from evidence.models import EvidenceItem
from gates.models import Requirement
from gates.rules.terms import CHECKS, OF_TYPE, OLDEST_DAYS, OLDEST_HOURS, SCOPE
from registry.models.use_cases import DataClass, RiskTier
from registry.rules import ASKED

#: Fields of the terms by the types that read them; "" are for all.
GROUPS: dict[str, tuple[str, ...]] = {
    "": ("tiers", "classifications", "never_waived"),
    "evidence": ("kind", "verdicts", "standings", "rollback"),
    "evidence, score": ("max_age_days", "partial"),
    "score": ("demands",),
    "metadata": ("fields", "lineage"),
    "check": ("check", "max_age_hours"),
}


def _several(label: str, choices, help_text: str) -> forms.MultipleChoiceField:
    return forms.MultipleChoiceField(
        label=label,
        required=False,
        choices=choices,
        widget=forms.CheckboxSelectMultiple,
        help_text=help_text,
    )


def _one(label: str, choices, help_text: str) -> forms.ChoiceField:
    return forms.ChoiceField(
        label=label, required=False, choices=[("", "–"), *choices], help_text=help_text
    )


class DemandsField(forms.CharField):
    """Lines of suite, metric and threshold; kept as a list of dicts."""

    widget = forms.Textarea(attrs={"rows": 3, "class": "vLargeTextField"})

    def to_python(self, value):
        found = []
        for line in super().to_python(value).splitlines():
            if not line.strip():
                continue
            words = line.split()
            if len(words) != 3:
                raise forms.ValidationError(
                    f"“{line.strip()[:80]}” is not a suite, a metric and a threshold."
                )
            suite, metric, threshold = words
            found.append({"suite": suite, "metric": metric, "threshold": threshold})
        return found

    def prepare_value(self, value):
        if isinstance(value, str) or value is None:
            return value
        return "\n".join(f"{one['suite']} {one['metric']} {one['threshold']}" for one in value)

    def has_changed(self, initial, data):
        return json.dumps(initial or []) != json.dumps(self.to_python(data or ""))


class RequirementForm(GovernedForm):
    """What must be so, and how it is judged; fields of other types are left empty."""

    tiers = _several("Risk tiers", RiskTier.choices, "None ticked: asked of every tier.")
    classifications = _several(
        "Data classifications", DataClass.choices, "None ticked: asked whatever the data."
    )
    never_waived = forms.BooleanField(
        label="Never waived", required=False, help_text="No waiver stands in for it."
    )
    kind = _one(
        "Kind of evidence", [(one.slug, one.name) for one in KINDS.values()], "For evidence."
    )
    verdicts = _several(
        "Verdicts that meet it", EvidenceItem.Verdict.choices, "For evidence: at least one."
    )
    standings = _several(
        "Independence",
        EvidenceItem.Standing.choices,
        "For evidence: who may stand behind it. None ticked: anybody.",
    )
    rollback = forms.BooleanField(
        label="Judge its target",
        required=False,
        help_text="For rollback plans: what it puts back is approved there now.",
    )
    max_age_days = forms.IntegerField(
        label="Not older than, in days",
        required=False,
        min_value=1,
        max_value=OLDEST_DAYS,
        help_text="For evidence and scores, beyond the end that the item has itself.",
    )
    partial = forms.BooleanField(
        label="Partial runs may meet it",
        required=False,
        help_text="For benchmarks and scores: a run that was limited, cancelled or erred in part "
        "counts too, for and against. Left out, only a complete one does.",
    )
    demands = DemandsField(
        label="Thresholds of its own",
        required=False,
        max_length=4000,
        help_text="For scores, beside what the use case demands: one line each, such as "
        "“support-guardrails pass_rate 0.95”. The stricter of two counts.",
    )
    fields = _several(
        "Recorded facts", [(code, one.label) for code, one in ASKED.items()], "For metadata."
    )
    lineage = forms.BooleanField(
        label="Lineage complete",
        required=False,
        help_text="For metadata, instead of facts: every version in the lineage has its digest.",
    )
    check = _one("Check", [(one, one.replace("_", " ")) for one in CHECKS], "For checks.")
    max_age_hours = forms.IntegerField(
        label="Verification not older than, in hours",
        required=False,
        min_value=1,
        max_value=OLDEST_HOURS,
        help_text="For checks.",
    )

    class Meta:
        model = Requirement
        fields = ("gate_version", "code", "type", "sentence", "guidance")

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if not self.instance.pk:
            return
        for name, value in self.instance.terms.items():
            if name in self.fields:
                self.initial.setdefault(name, value)
        self.initial.setdefault("never_waived", self.instance.terms.get("waivable") is False)

    def terms(self) -> dict[str, Any]:
        """Return the terms that were entered; what is empty says nothing."""
        given = self.cleaned_data
        wanted = {*OF_TYPE[given["type"]], *SCOPE}
        terms = {name: given[name] for name in given if name in wanted and given[name]}
        return {**terms, "waivable": False} if given.get("never_waived") else terms

    def clean(self):
        cleaned = super().clean()
        # A field of another type that is filled in would be dropped without a word.
        for types, names in GROUPS.items():
            if not types or cleaned.get("type") in types.split(", ") or "type" not in cleaned:
                continue
            for name in names:
                if cleaned.get(name):
                    self.add_error(
                        name, f"Only for {types.replace(', ', ' and ')}. Leave it empty."
                    )
        return cleaned
