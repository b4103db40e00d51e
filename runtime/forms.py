"""Forms of what runs: placing, taking out, suspending, lifting, rolling back."""

from django import forms

from audit.admin.acts import ReasonForm
from registry.models import ServingEndpoint
from registry.showing_forms import ShowsAgain
from runtime.models import KeptFacts, RollbackReview


class SecuredForm(ShowsAgain, ReasonForm):
    """A verb that asks for the password again."""

    password = forms.CharField(
        label="Your password again",
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
        help_text="What follows acts at once, so it asks once more who you are.",
        error_messages={"required": "Give your password."},
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if self.request is not None:
            self.show_again_in(self.request)


class ActivateForm(ReasonForm):
    """At which of the covered endpoints, and in which order."""

    endpoints = forms.ModelMultipleChoiceField(
        ServingEndpoint.objects.none(),
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Name at least one endpoint that its approval covers."},
    )
    priority = forms.IntegerField(
        min_value=0,
        max_value=9999,
        initial=10,
        help_text="The least goes first; equals go by cost, then by latency, then by name.",
    )

    def __init__(self, *args, covered, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["endpoints"].queryset = covered
        if len(covered) == 1:
            self.fields["endpoints"].initial = [covered[0].pk]


class SuspendForm(SecuredForm):
    """What is suspended, and how far."""

    subject = forms.ChoiceField(
        label="What",
        widget=forms.RadioSelect,
        error_messages={"required": "Choose what is suspended."},
    )
    everywhere = forms.BooleanField(
        label="Everywhere, not in this environment alone", required=False
    )
    incident = forms.CharField(
        label="Incident, if it is done for one",
        max_length=200,
        required=False,
        help_text="Its number here, such as 12, or what it is called elsewhere.",
    )

    def __init__(self, *args, subjects, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["subject"].choices = subjects
        self.order_fields(["subject", "everywhere", "incident", "password", "code", "reason"])


class RollBackForm(SecuredForm):
    """Going back, in an emergency by naming the incident."""

    incident = forms.CharField(
        label="Incident, if this is an emergency",
        max_length=200,
        required=False,
        help_text="With an incident it goes on though kept test facts would be refused, never past "
        "a hard rule; somebody else reviews it within 24 hours.",
    )
    #: The incident that it is done for, if it is no emergency.
    part_of = forms.CharField(max_length=200, required=False, widget=forms.HiddenInput)

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.order_fields(["incident", "password", "code", "reason"])


class ReviewForm(ReasonForm):
    """What somebody else finds of an emergency afterwards."""

    outcome = forms.ChoiceField(
        choices=RollbackReview.Outcome,
        widget=forms.RadioSelect,
        error_messages={"required": "Say whether it was justified."},
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.order_fields(["outcome", "reason"])


class KeepForm(ReasonForm):
    """A name for test facts, and what is expected of their route."""

    name = forms.CharField(max_length=100, error_messages={"required": "Give them a name."})
    expected = forms.ChoiceField(
        label="A request like this",
        choices=KeptFacts.Expected,
        widget=forms.RadioSelect,
        error_messages={"required": "Say what is expected of their route."},
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.order_fields(["name", "expected", "reason"])
