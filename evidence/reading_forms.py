"""The form that says which registered metric each figure of a file is."""

from dataclasses import dataclass

from django import forms
from django.db.models import F, OuterRef, Q, Subquery
from django.utils.dateparse import parse_datetime

from audit import Refused
from audit.admin import ReasonForm
from evidence import matching, run_fields
from evidence.imports.forms import UNITS
from evidence.matching import Choice, Target
from evidence.models import EvaluationRun
from evidence.readers.result import Outcome, Score
from evidence.reading import Progress, progress_of, read_kept
from evidence.run_fields import MinuteField
from registry.models import Metric, SuiteVersion

#: Figures of one file that a page asks about; the rest is counted.
MOST_ROWS = 150
#: Registered metrics that a page suggests; any other can be typed.
MOST_SUGGESTED = 500


def newest_targets(user) -> list[Target]:
    """Return the metrics of the newest version of every suite that the reader sees."""
    newest = SuiteVersion.objects.filter(suite=OuterRef("suite_version__suite")).order_by("-number")
    metrics = Metric.objects.visible_to(user).filter(
        suite_version=Subquery(newest.values("pk")[:1])
    )
    return _targets(metrics)


def named_targets(user, names: set[str]) -> dict[str, Target]:
    """Return the metrics that people named as “suite v2 metric”, by that name."""
    wanted = Q()
    for name in names:
        suite, _, rest = name.partition(" v")
        number, _, metric = rest.partition(" ")
        if number.isascii() and number.isdigit() and len(number) < 10 and "\x00" not in name:
            wanted |= Q(suite_version__suite__slug=suite, suite_version__number=number, name=metric)
    if not wanted:
        return {}
    return {t.name: t for t in _targets(Metric.objects.visible_to(user).filter(wanted))}


def _targets(metrics) -> list[Target]:
    rows = metrics.annotate(
        suite=F("suite_version__suite__slug"), number=F("suite_version__number")
    ).order_by("suite", "-number", "name")
    return [
        Target(
            key=row.pk,
            name=f"{row.suite} v{row.number} {row.name}",
            suite=row.suite,
            metric=row.name,
            suite_version=row.suite_version_id,
            unit=row.unit,
            higher_is_better=row.higher_is_better,
        )
        for row in rows[:MOST_SUGGESTED]
    ]


@dataclass
class Row:
    """One figure with the fields that ask about it."""

    place: int
    score: Score
    metric: forms.BoundField
    unit: forms.BoundField
    keeps_filter: forms.BoundField | None


class ReadScoresForm(ReasonForm):
    """What a reader made of the file that the address names, with a question for each figure."""

    def __init__(self, *args, request=None, row=None, **kwargs):
        super().__init__(*args, request=request, row=row, **kwargs)
        self.files = list(row.files.order_by("pk"))
        key = request.GET.get("file", "")
        chosen = [file for file in self.files if str(file.pk) == key]
        self.file = (chosen or (self.files if len(self.files) == 1 else [None]))[0]
        self.result, self.targets, self.places = None, [], []
        if self.file is not None:
            self.result = read_kept(self.file, is_awaited=self.is_bound)
            if self.has_scores:
                self._ask()

    @property
    def has_scores(self) -> bool:
        """Whether there is anything to give."""
        outcomes = (Outcome.OK, Outcome.PARTIAL)
        return self.result is not None and self.result.outcome in outcomes

    def _ask(self) -> None:
        result = self.result
        self.targets = newest_targets(self.request.user)
        suggested = matching.suggested(result, self.targets)
        counted = [p for p, score in enumerate(result.scores) if score.value is not None]
        # Those that are known first; within these the order of the file.
        self.places = sorted(counted, key=lambda p: (p not in suggested, p))[:MOST_ROWS]
        self.left_out = len(counted) - len(self.places)
        self._ask_about_run()
        units = dict(UNITS) | {t.unit: t.unit for t in self.targets if t.unit not in dict(UNITS)}
        self.fields["unit"] = forms.ChoiceField(
            label="Unit of every figure that says no other",
            required=False,
            choices=[("", "not confirmed"), *list(units.items())[1:]],
            help_text="A number alone does not say whether it is a fraction or per cent.",
        )
        for place in self.places:
            self._ask_about(
                place, suggested.get(place), [("", "as above"), *list(units.items())[1:]]
            )
        self.order_fields([*(name for name in self.fields if name != "reason"), "reason"])

    def _ask_about_run(self) -> None:
        result = self.result
        version = result.details.get("version")
        self.fields["source"] = forms.CharField(
            label="Source",
            max_length=200,
            initial=f"{result.tool} {version}" if version else result.tool,
            help_text="Tool and version, or who measured.",
        )
        ran_at = parse_datetime(result.created or "")
        zoned = ran_at is not None and ran_at.tzinfo is not None
        said = f"The file says {result.created}" if result.created else "The file does not say when"
        self.fields["ran_at"] = MinuteField(
            label="Ran at (UTC)",
            initial=ran_at.replace(second=0, microsecond=0) if zoned else None,
            help_text=f"{said}." if zoned or not result.created else f"{said}, without a zone.",
            error_messages={"required": "Say when it was run."},
        )
        partial = result.outcome is Outcome.PARTIAL
        choices = EvaluationRun.Completeness.choices
        self.fields["completeness"] = forms.ChoiceField(
            label="Completeness",
            choices=[c for c in choices if not partial or c[0] == "partial"],
            help_text="The file says that it is not a full run; few gates take partial ones."
            if partial
            else run_fields.PARTIAL,
        )

    def _ask_about(self, place: int, target: Target | None, units: list) -> None:
        score = self.result.scores[place]
        self.fields[f"rows.{place}.metric"] = forms.CharField(
            label=f"Registered metric of {score.name}",
            required=False,
            max_length=200,
            initial=target.name if target else "",
            widget=forms.TextInput(attrs={"list": "metrics", "autocomplete": "off", "size": 26}),
        )
        self.fields[f"rows.{place}.unit"] = forms.ChoiceField(
            label=f"Unit of {score.name}", required=False, choices=units, initial=score.unit
        )
        if matching.has_filter(score) or score.subset:
            self.fields[f"rows.{place}.keeps"] = forms.BooleanField(
                label=f"Keep {score.name} under its filter", required=False
            )

    @property
    def is_being_read(self) -> bool:
        """Whether the file is chosen and its reader has not answered yet."""
        return self.file is not None and self.result is None

    @property
    def progress(self) -> Progress | None:
        """How far its reader is, or None while it waits for its turn."""
        return progress_of(self.file.sha256)

    def clean(self):
        given = super().clean()
        if self.is_being_read:
            raise forms.ValidationError(
                "Nothing was given: the file is being read again. Go back, and send it once more."
            )
        if not self.has_scores:
            raise forms.ValidationError("Choose a file with scores first.")
        names = {name for p in self.places if (name := given.get(f"rows.{p}.metric"))}
        known = {target.name: target for target in self.targets}
        if unknown := names - known.keys():
            known |= named_targets(self.request.user, unknown)
        choices = []
        for place in self.places:
            name = given.get(f"rows.{place}.metric")
            if name and name not in known:
                sentence = (
                    f"There is no metric “{name}”. Take one from the list, or leave it empty."
                )
                self.add_error(f"rows.{place}.metric", sentence)
            elif name:
                choices.append(
                    Choice(
                        place,
                        known[name],
                        unit=given.get(f"rows.{place}.unit") or given.get("unit") or "",
                        keeps_filter=bool(given.get(f"rows.{place}.keeps")),
                    )
                )
        if self.errors:
            # The verb will not be called: ask now for what it would say of the choices.
            if choices:
                self.refuse(Refused(matching.judge(self.result, choices)))
        else:
            about = {name: given[name] for name in ("ran_at", "source", "completeness")}
            given["given"] = {
                "file": self.file,
                "result": self.result,
                "choices": choices,
                **about,
            }
        return given

    # The parts of the page

    @property
    def run_fields(self):
        return [self[name] for name in ("source", "ran_at", "completeness", "unit")]

    @property
    def rows(self):
        """The figures that are asked about, each with its fields."""
        for place in self.places:
            at = f"rows.{place}"
            keeps = self[f"{at}.keeps"] if f"{at}.keeps" in self.fields else None
            score = self.result.scores[place]
            yield Row(place, score, self[f"{at}.metric"], self[f"{at}.unit"], keeps)
