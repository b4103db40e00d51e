"""Forms of incidents: opening one, and what is said and done of it."""

from datetime import UTC, datetime, timedelta

from django import forms
from django.db.models import Q

from audit import clock
from audit.admin.acts import ReasonForm
from audit.instants import read_instant
from gates.models import GateVersion
from registry.models import Environment, Person, Release, RoleGrant, Stage, Team, UseCase
from runtime.incidents.models import FollowUp, Incident, IncidentNote
from runtime.incidents.rules import SEVERITIES, ticket_problem
from runtime.records.fields import SLUG


class InstantField(forms.CharField):
    """An instant as tools write it, in UTC or with its offset."""

    def __init__(self, **kwargs):
        kwargs.setdefault("max_length", 40)
        kwargs.setdefault("help_text", "Such as 2026-03-01T12:00:00Z.")
        super().__init__(**kwargs)

    def prepare_value(self, value):
        if isinstance(value, datetime):
            return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return value

    def clean(self, value):
        text = super().clean(value)
        if not text:
            return None
        found, problem = read_instant(text)
        if problem:
            raise forms.ValidationError(problem)
        return found


def _ticket(form) -> str:
    text = form.cleaned_data["ticket"].strip()
    if problem := ticket_problem(text):
        raise forms.ValidationError(problem)
    return text


class TermsForm(ReasonForm):
    """How bad it is, and over which window."""

    severity = forms.TypedChoiceField(choices=SEVERITIES, coerce=int, initial=3)
    begins_at = InstantField(label="Window from", error_messages={"required": "Say when it began."})
    ends_at = InstantField(
        label="to", required=False, help_text="Empty while it goes on. The records are held."
    )
    detected_at = InstantField(
        label="Detected", error_messages={"required": "Say when it was noticed."}
    )
    ticket = forms.CharField(
        label="Ticket elsewhere",
        max_length=500,
        required=False,
        help_text="An address that begins with https://.",
    )

    clean_ticket = _ticket


class OpenForm(TermsForm):
    """Opening an incident; what is known from where one came is filled in."""

    title = forms.CharField(
        max_length=200,
        help_text="What went wrong, in one line.",
        error_messages={"required": "Say in one line what went wrong."},
    )
    use_case = forms.ModelChoiceField(
        UseCase.objects.none(), required=False, to_field_name="slug", empty_label="any"
    )
    environment = forms.ModelChoiceField(
        Environment.objects.none(), required=False, to_field_name="slug", empty_label="any"
    )
    owner = forms.ModelChoiceField(
        Team.objects.none(),
        required=False,
        to_field_name="slug",
        empty_label="the release's on-call team, or that of the use case",
    )
    release = forms.ModelChoiceField(
        Release.objects.none(),
        required=False,
        to_field_name="digest",
        empty_label="none yet",
        label="Suspected release",
        error_messages={"invalid_choice": "There is no such release that you may see."},
    )
    request_id = forms.CharField(
        label="Request", max_length=128, required=False, help_text="Id of one that went wrong."
    )

    #: Releases that the menu holds.
    MOST = 200

    def __init__(self, *args, reader: Person, given, **kwargs):
        now = clock.now()
        initial = {
            "begins_at": now - timedelta(hours=6),
            "detected_at": now,
            **{
                name: given[name][:500]
                for name in (
                    *("title", "use_case", "environment", "owner", "release", "request_id"),
                    *("begins_at", "ends_at", "severity"),
                )
                if given.get(name)
            },
        }
        super().__init__(*args, initial=initial, **kwargs)
        fields = self.fields
        fields["use_case"].queryset = UseCase.objects.visible_to(reader).order_by("slug")
        fields["environment"].queryset = Environment.objects.visible_to(reader).order_by("slug")
        fields["owner"].queryset = Team.objects.visible_to(reader).order_by("slug")
        releases = Release.objects.visible_to(reader).exclude(sealed_at=None)
        if (slug := initial.get("use_case")) and SLUG.fullmatch(slug):
            releases = releases.filter(use_case__slug=slug)
        fields["release"].queryset = releases.select_related("use_case").order_by("-pk")
        for name in ("use_case", "environment", "owner", "release"):
            fields[name].widget.choices = _few(fields[name], self.MOST)
        self.order_fields(
            [
                *("title", "severity", "use_case", "environment", "owner", "release"),
                *("request_id", "begins_at", "ends_at", "detected_at", "ticket", "reason"),
            ]
        )

    def clean(self):
        given = super().clean()
        if not given.get("use_case") and not given.get("environment"):
            if release := given.get("release"):
                given["use_case"] = release.use_case
            elif "use_case" not in self.errors and "environment" not in self.errors:
                self.add_error("use_case", "Name a use case or an environment.")
        return given


def _few(field, most: int) -> list[tuple[str, str]]:
    rows = field.queryset[:most]
    return [
        ("", field.empty_label),
        *((getattr(one, field.to_field_name), str(one)) for one in rows),
    ]


class NoteForm(forms.Form):
    """A note or a decision; its text is the reason."""

    kind = forms.ChoiceField(
        choices=IncidentNote.Kind, widget=forms.RadioSelect, initial=IncidentNote.Kind.NOTE
    )
    text = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 4}),
        max_length=5000,
        help_text="It is part of the record for good.",
        error_messages={"required": "Write something."},
    )

    refuse = ReasonForm.refuse

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)


class LinkForm(ReasonForm):
    """Which request or release it is about as well."""

    request_id = forms.CharField(label="Request", max_length=128, required=False)
    release = forms.ModelChoiceField(
        Release.objects.none(), required=False, to_field_name="digest", empty_label="none"
    )

    def __init__(self, *args, incident: Incident, reader: Person, **kwargs):
        super().__init__(*args, **kwargs)
        releases = Release.objects.visible_to(reader).exclude(sealed_at=None)
        if incident.use_case_id is not None:
            releases = releases.filter(use_case=incident.use_case_id)
        field = self.fields["release"]
        field.queryset = releases.select_related("use_case").order_by("-pk")
        field.widget.choices = _few(field, OpenForm.MOST)

    def clean(self):
        given = super().clean()
        if bool(given.get("request_id", "").strip()) == bool(given.get("release")):
            raise forms.ValidationError("Give a request or a release, one of them.")
        return given


def who_sees(incident: Incident):
    """Return the people who see an incident, by their names."""
    teams = [incident.owner_id]
    if incident.use_case is not None:
        teams.append(incident.use_case.team_id)
    grants = RoleGrant.objects.in_force().filter(Q(team=None) | Q(team__in=teams))
    people = Person.objects.filter(
        pk__in=grants.values("person"), is_active=True, kind=Person.Kind.PERSON
    )
    return people.order_by("username")


class JoinForm(ReasonForm):
    """Who takes part as well."""

    person = forms.ModelChoiceField(
        Person.objects.none(), error_messages={"required": "Choose somebody."}
    )

    def __init__(self, *args, incident: Incident, **kwargs):
        super().__init__(*args, **kwargs)
        there = incident.participants.values("person")
        self.fields["person"].queryset = who_sees(incident).exclude(pk__in=there)


class FollowUpForm(ReasonForm):
    """What somebody does by a day."""

    text = forms.CharField(
        label="What is to be done",
        max_length=1000,
        error_messages={"required": "Say what is to be done."},
    )
    owner = forms.ModelChoiceField(
        Person.objects.none(), error_messages={"required": "Choose who does it."}
    )
    due_on = forms.DateField(
        label="Due on",
        input_formats=["%Y-%m-%d"],
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
        error_messages={"required": "Say by which day."},
    )

    def __init__(self, *args, incident: Incident, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["owner"].queryset = who_sees(incident)
        self.initial.setdefault("due_on", (clock.now() + timedelta(days=14)).date())


class GateForm(ReasonForm):
    """Which gate asks for what follows from an incident."""

    gate = forms.ChoiceField(
        widget=forms.RadioSelect, error_messages={"required": "Choose the gate that asks for it."}
    )

    def __init__(self, found: FollowUp, *args, **kwargs):
        reason = f"Follows from incident {found.incident_id}: {found.text}"
        super().__init__(*args, initial={"reason": reason}, **kwargs)
        drafts = {one.gate: one for one in GateVersion.objects.filter(published_at=None)}
        self.fields["gate"].choices = [
            (gate, f"{gate}: {f'into {drafts[gate]}' if gate in drafts else 'a draft is started'}")
            for gate in Stage.values
        ]
        self.order_fields(["gate", "reason"])


class ReviewIncidentForm(ReasonForm):
    """What set it off, and what was learnt."""

    trigger = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 3}),
        max_length=5000,
        label="What set it off",
        error_messages={"required": "Say what set it off."},
    )
    learnt = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 3}),
        max_length=5000,
        required=False,
        label="What was learnt",
    )
