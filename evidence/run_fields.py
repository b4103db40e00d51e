"""The fields of a run in forms: what holds for all of it, and the score of each metric."""

from dataclasses import replace

from django import forms

from audit import Reason, Refused, clock
from audit.fields import DocumentFormField
from evidence import intervals, rules
from evidence.intervals import Interval
from evidence.models import EvaluationRun
from registry.models import SuiteVersion

PARTIAL = (
    "A run that was cancelled or limited is partial, and counts only where a gate takes such runs."
)


class MinuteField(forms.DateTimeField):
    """A minute in UTC."""

    widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")


class IntervalField(forms.CharField):
    """An interval as people write it, such as “0.861 to 0.885, 95 %”."""

    def to_python(self, value) -> Interval:
        interval = intervals.written(super().to_python(value))
        if interval is None:
            raise forms.ValidationError(
                "Write two numbers and how sure the source is, such as 0.861 to 0.885, 95 %."
            )
        return interval

    def run_validators(self, value):
        """Nothing more: what is wrong with its parts is judged with the score."""


class RunFields:
    """The fields of one run of `suite_version`, for a form whose reasons begin with `run_field`."""

    run_field = ""

    def add_run_fields(self, suite_version: SuiteVersion) -> None:
        self.suite_version = suite_version
        self.metrics = list(suite_version.metrics.order_by("name"))
        at = self.run_field
        self.fields[f"{at}source"] = forms.CharField(
            label="Source",
            max_length=200,
            help_text="Tool and version, or who measured.",
            error_messages={"required": "Say where the scores come from."},
        )
        self.fields[f"{at}ran_at"] = MinuteField(
            label="Ran at (UTC)",
            initial=clock.now().replace(second=0, microsecond=0),
            error_messages={"required": "Say when it was run."},
        )
        self.fields[f"{at}completeness"] = forms.ChoiceField(
            label="Completeness",
            choices=EvaluationRun.Completeness.choices,
            help_text=PARTIAL,
        )
        self.fields[f"{at}config"] = DocumentFormField(
            label="Settings",
            required=False,
            initial="",
            help_text='JSON, such as {"shots": 5, "seed": 42}.',
        )
        for metric in self.metrics:
            better = "more is better" if metric.higher_is_better else "less is better"
            unit = f"{metric.unit}, " if metric.unit else ""
            at = self._score(metric)
            self.fields[f"{at}.text"] = forms.CharField(
                label=f"{metric.name} ({unit}{better})",
                required=False,
                max_length=rules.LONGEST_NUMBER,
                help_text="As the source spells it, such as 0.873. Empty: not measured.",
                widget=forms.TextInput(attrs={"inputmode": "decimal"}),
            )
            self.fields[f"{at}.stderr"] = forms.CharField(
                label=f"{metric.name}: standard error",
                required=False,
                max_length=rules.LONGEST_NUMBER,
                widget=forms.TextInput(attrs={"inputmode": "decimal"}),
            )
            self.fields[f"{at}.samples"] = forms.IntegerField(
                label=f"{metric.name}: samples",
                required=False,
                min_value=1,
                max_value=rules.MOST_SAMPLES,
            )
            self.fields[f"{at}.interval"] = IntervalField(
                label=f"{metric.name}: interval",
                required=False,
                max_length=2 * rules.LONGEST_NUMBER + 20,
                widget=forms.TextInput(attrs={"placeholder": "0.861 to 0.885, 95 %"}),
            )

    def _score(self, metric) -> str:
        return f"{self.run_field}score.{metric.pk}"

    def run_values(self) -> dict:
        """Return the arguments of `add_run` that were entered."""
        given = self.cleaned_data
        self.measured = [m for m in self.metrics if given.get(f"{self._score(m)}.text")]
        names = ("source", "ran_at", "completeness", "config")
        return {
            "suite_version": self.suite_version,
            **{name: given[f"{self.run_field}{name}"] for name in names},
            "scores": [
                {
                    "metric": metric,
                    **{
                        name: given[f"{self._score(metric)}.{name}"]
                        for name in ("text", "stderr", "samples")
                    },
                    **given[f"{self._score(metric)}.interval"]._asdict(),
                }
                for metric in self.measured
            ],
        }

    def in_fields(self, reason: Reason) -> Reason:
        """Return the reason at the field of this form that it is about."""
        for place, metric in enumerate(getattr(self, "measured", ())):
            at = f"{self.run_field}scores.{place}."
            if reason.field.startswith(at):
                return replace(reason, field=f"{self._score(metric)}.{reason.field[len(at) :]}")
        return reason

    def refuse(self, refused: Refused) -> None:
        """Show the reasons of a refusal, each at its field if the form has it."""
        for reason in map(self.in_fields, refused.reasons):
            self.add_error(reason.field if reason.field in self.fields else None, reason.sentence)

    @property
    def run_fields(self):
        names = ("source", "ran_at", "completeness", "config")
        return [self[f"{self.run_field}{name}"] for name in names]

    @property
    def score_rows(self):
        """Each metric with the fields of its score: number, error, samples and interval."""
        for metric in self.metrics:
            at = self._score(metric)
            names = ("text", "stderr", "samples", "interval")
            yield metric, *(self[f"{at}.{name}"] for name in names)
