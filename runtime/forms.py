"""Forms of what runs: placing, taking out, suspending, lifting, rolling back."""

from django import forms

from audit.admin.acts import ReasonForm
from registry.models import ServingEndpoint


class SecuredForm(ReasonForm):
    """A verb that asks for the password again."""

    password = forms.CharField(
        label="Your password again",
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
        help_text="What follows acts at once, so it asks once more who you are.",
        error_messages={"required": "Give your password."},
    )


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

    def __init__(self, *args, subjects, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["subject"].choices = subjects
        self.order_fields(["subject", "everywhere", "password", "reason"])
