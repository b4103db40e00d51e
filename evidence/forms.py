"""Forms for giving evidence and runs: their fields follow the kind's questions and the metrics.

Fields are named like the `field` of the reasons that verbs give, so that each finds its place.
"""

from datetime import UTC, datetime, time

from django import forms
from django.conf import settings

from audit import Refused, clock
from audit.admin import ReasonForm
from evidence import rules, storage
from evidence.kinds import KINDS, Kind, Question
from evidence.models import EvidenceItem
from evidence.run_fields import RunFields
from evidence.transitions.items import releases_named
from registry.models import ModelVersion, Release, SuiteVersion
from registry.roles import GIVE_EVIDENCE

WIDE = {"class": "vLargeTextField", "rows": 3}


class Files(forms.FileInput):
    allow_multiple_selected = True


class FilesField(forms.FileField):
    """Any number of files."""

    widget = Files

    def clean(self, data, initial=None):
        return [super(FilesField, self).clean(one, initial) for one in data or ()]


class DayField(forms.DateField):
    """A day, kept as the instant it begins in UTC."""

    widget = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")

    def clean(self, value):
        day = super().clean(value)
        return day and datetime.combine(day, time(), UTC)


def question_field(kind: Kind, question: Question, releases) -> forms.Field:
    """Return the form field that asks one question; what must be answered the rules say."""
    field = _question_field(question, releases)
    field.unless = ""
    if question.only_if is not None:
        key, value = question.only_if
        first = next(other for other in kind.questions if other.key == key)
        field.unless = f"(only with “{dict(first.choices).get(value, value)}”)"
    elif not question.required:
        field.unless = "(optional)"
    elif not question.always:
        field.unless = "(or in a file)"
    return field


def _question_field(question: Question, releases) -> forms.Field:
    asked = {
        "label": question.label,
        "help_text": question.help,
        # Whether an open answer refuses the item depends on the files beside it.
        "required": False,
    }
    match question.type:
        case "choice":
            choices = [("", "–"), *question.choices]
            return forms.ChoiceField(choices=choices, **asked)
        case "flag":
            return forms.NullBooleanField(**asked)
        case "date":
            return forms.DateField(widget=DayField.widget, **asked)
        case "release":
            return forms.ModelChoiceField(releases, empty_label="–", **asked)
    return forms.CharField(
        max_length=rules.LONGEST_ANSWER, widget=forms.Textarea(attrs=WIDE), **asked
    )


class AddRunForm(RunFields, ReasonForm):
    """A run under an item, of the suite version that the address names."""

    def __init__(self, *args, request=None, row=None, **kwargs):
        super().__init__(*args, request=request, row=row, **kwargs)
        chosen = chosen_row(SuiteVersion, request.GET.get("suite_version"), request.user)
        self.suite_version, self.metrics = chosen, []
        if chosen is not None:
            self.add_run_fields(chosen)
            self.order_fields([*(name for name in self.fields if name != "reason"), "reason"])

    def clean(self):
        given = super().clean()
        if self.suite_version is None:
            raise forms.ValidationError("Choose the suite version that was run first.")
        if not self.errors:
            given["run"] = self.run_values()
        return given


class SubjectForm(forms.Form):
    """What an item will be about; chosen first, since its questions follow from it."""

    kind = forms.ChoiceField(
        label="Kind of evidence",
        choices=[(kind.slug, f"{kind.name}. {kind.about}") for kind in KINDS.values()],
        widget=forms.RadioSelect,
    )
    release = forms.ModelChoiceField(
        Release.objects.none(),
        label="Release",
        required=False,
        empty_label="–",
        help_text="Sealed releases that are yours to give evidence for.",
    )
    version = forms.ModelChoiceField(
        ModelVersion.objects.none(),
        label="Model version",
        required=False,
        empty_label="–",
        help_text="Or a sealed model version: what is proved of it holds in all its releases.",
    )
    suite_version = forms.ModelChoiceField(
        SuiteVersion.objects.none(),
        label="Scores of a suite",
        required=False,
        empty_label="None, or later",
        help_text="To enter the scores of one run together with the item.",
    )

    def __init__(self, *args, user, **kwargs):
        super().__init__(*args, **kwargs)
        teams = _teams(user)
        releases = Release.objects.visible_to(user).filter(sealed_at__isnull=False)
        versions = ModelVersion.objects.visible_to(user).filter(sealed_at__isnull=False)
        if teams is not None:
            releases = releases.filter(use_case__team__in=teams)
            versions = versions.filter(model__team__in=teams)
        self.fields["release"].queryset = releases.select_related("use_case")
        self.fields["version"].queryset = versions.select_related("model")
        self.fields["suite_version"].queryset = SuiteVersion.objects.visible_to(
            user
        ).select_related("suite")

    def clean(self):
        given = super().clean()
        release, version = given.get("release"), given.get("version")
        if not self.errors and (release is None) == (version is None):
            self.add_error("release", "Name a release or a model version, one of them.")
        kind = KINDS.get(given.get("kind", ""))
        if kind and kind.of_release_only and version is not None:
            sentence = f"{kind.name} is about a release, never about a model version."
            self.add_error("version", sentence)
        return given


def _teams(user) -> list[int] | None:
    """Return the teams that the reader gives evidence for; None stands for all."""
    teams = [team for role, team in user.grants if role in GIVE_EVIDENCE]
    return None if None in teams else teams


def chosen_row(model, key: str | None, user):
    """Return the row that an address names by key, if the reader may see it."""
    if not key or not key.isascii() or not key.isdecimal() or len(key) > 18:
        return None
    return model.objects.visible_to(user).filter(pk=key).first()


class GiveForm(RunFields, ReasonForm):
    """An item of one kind about one subject, with its files and, if chosen, one run."""

    run_field = "runs.0."

    title = forms.CharField(
        label="Title",
        max_length=200,
        help_text="What people will call it.",
        error_messages={"required": "Give it a title."},
    )
    verdict = forms.ChoiceField(
        label="Verdict",
        choices=EvidenceItem.Verdict.choices,
        widget=forms.RadioSelect,
        error_messages={"required": "Say how it came out."},
    )
    standing = forms.ChoiceField(
        label="Standing",
        choices=EvidenceItem.Standing.choices,
        initial=EvidenceItem.Standing.INTERNAL,
        help_text="Self-reported: its makers say so. Internal: somebody else here checked. "
        "Independent: somebody without ties to the makers did.",
    )
    vouched_by = forms.CharField(
        label="Who vouches",
        max_length=200,
        help_text="The person or body that stands behind it.",
        error_messages={"required": "Name who stands behind it."},
    )
    files = FilesField(label="Files", required=False, allow_empty_file=True)
    expires_at = DayField(label="Ends on", required=False)
    replaces = forms.ModelChoiceField(
        EvidenceItem.objects.none(),
        label="Replaces",
        required=False,
        empty_label="Nothing",
        help_text="An earlier item of this kind that this one supersedes. It stays on record.",
    )

    def __init__(
        self, *args, kind: Kind, subject, suite_version: SuiteVersion | None = None, **kwargs
    ):
        super().__init__(*args, **kwargs)
        self.kind, self.subject, self.suite_version = kind, subject, suite_version
        mebibytes = settings.EVIDENCE_FILE_MAX_BYTES // 1024**2
        taken = f"{', '.join(rules.FILE_TYPES)}; at most {mebibytes} MiB each"
        self.fields["files"].help_text = (
            f"One or several: {taken}. A file may answer the questions instead of you."
            if kind.questions
            else f"One or several: {taken}."
        )
        longest = rules.add_months(clock.now(), kind.life_months)
        self.fields["expires_at"].help_text = (
            f"Left empty, it ends {kind.life_months} months from now, on "
            f"{longest.day} {longest:%b %Y}. It ends when the day begins, in UTC."
        )
        user, is_release = self.request.user, isinstance(subject, Release)
        replaceable = EvidenceItem.objects.visible_to(user).filter(
            kind=kind.slug, withdrawal=None, replaced_by=None
        )
        self.fields["replaces"].queryset = replaceable.filter(
            **{"release" if is_release else "version": subject}
        )
        releases = Release.objects.none()
        if is_release:
            releases = (
                Release.objects.visible_to(user)
                .filter(use_case=subject.use_case_id, sealed_at__isnull=False)
                .exclude(pk=subject.pk)
                .select_related("use_case")
            )
        for question in kind.questions:
            self.fields[f"answers.{question.key}"] = question_field(kind, question, releases)
        if suite_version is not None:
            self.add_run_fields(suite_version)
        self.order_fields([*(name for name in self.fields if name != "reason"), "reason"])

    def clean(self):
        given = super().clean()
        if self.errors:
            # The verb will not be called: ask now for what it would say of answers and files.
            answers, files = self._answers(), given.get("files") or ()
            _, reasons = rules.judge_answers(
                self.kind,
                answers,
                has_files=bool(files),
                releases=releases_named(self.kind, answers, self.subject),
            )
            self.refuse(Refused([*reasons, *storage.judge(files)]))
        return given

    def _answers(self) -> dict:
        """Return what was answered; a chosen release by its key."""
        fields = {question.key: f"answers.{question.key}" for question in self.kind.questions}
        given = {key: self.cleaned_data.get(name) for key, name in fields.items()}
        return {
            key: getattr(value, "pk", value)
            for key, value in given.items()
            if value not in (None, "") and fields[key] not in self.errors
        }

    def values(self) -> dict:
        """Return the arguments of `give` that were entered."""
        given = self.cleaned_data
        names = ("title", "verdict", "standing", "vouched_by", "files", "expires_at", "replaces")
        return {
            **{name: given[name] for name in names},
            "release" if isinstance(self.subject, Release) else "version": self.subject,
            "kind": self.kind.slug,
            "answers": self._answers(),
            "runs": [self.run_values()] if self.suite_version else [],
        }

    # The parts of the page

    @property
    def item_fields(self):
        return [self[name] for name in ("title", "verdict", "standing", "vouched_by")]

    @property
    def life_fields(self):
        return [self["expires_at"], self["replaces"]]

    @property
    def question_fields(self):
        return [self[f"answers.{question.key}"] for question in self.kind.questions]
