"""Forms of promotions: signing one, and asking for one."""

from urllib.parse import urlencode

from django import forms
from django.utils.html import format_html

from audit.admin.acts import ReasonForm
from audit.admin.forms import GovernedForm, reason_field
from evidence.forms import DayField
from gates.condition_forms import condition_fields, conditions_asked
from gates.models import Promotion
from gates.rules.conditions import Asked
from gates.rules.signing import VERDICTS, meanings
from registry.models import ServingEndpoint
from registry.showing_forms import ShowsAgain


class SignForm(ShowsAgain, forms.Form):
    """One verdict in one role: what the signature means, why, and the password once more.

    `challenge` and `package_digest` say which form this is and what was shown in it; the verb
    checks both under lock.
    """

    meaning = forms.ChoiceField(
        label="What your signature means",
        widget=forms.RadioSelect,
        error_messages={
            "required": "Choose what your signature means.",
            "invalid_choice": "Choose what your signature means.",
        },
    )
    reason = reason_field()
    password = forms.CharField(
        label="Your password again",
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
        help_text="Signing asks once more who you are. One form, one signature.",
        error_messages={"required": "Give your password; a signature needs it."},
    )
    challenge = forms.CharField(widget=forms.HiddenInput, max_length=40)
    package_digest = forms.CharField(widget=forms.HiddenInput, max_length=80)
    verdict = forms.CharField(widget=forms.HiddenInput, max_length=30)
    role = forms.CharField(widget=forms.HiddenInput, max_length=30, required=False)

    def __init__(
        self,
        *args,
        verdict: str,
        role: str,
        team,
        causes=(),
        request=None,
        there="",
        **kwargs,
    ):
        super().__init__(*args, **kwargs)
        if verdict == "approve_with_conditions":
            lines = condition_fields(team, causes)
            self.fields = {"meaning": self.fields.pop("meaning"), **lines} | self.fields
        choices = meanings(verdict, role) if verdict in VERDICTS else ()
        self.fields["meaning"].choices = choices
        if len(choices) == 1:
            self.fields["meaning"].initial = choices[0][0]
        if request is not None:
            self._show_again_for(request, self["challenge"].value() or "", there)

    def _show_again_for(self, request, challenge: str, there: str) -> None:
        """Ask for what serves this challenge alone, and come back to it from the provider."""
        there = f"{there}&{urlencode({'challenge': challenge})}#decide"
        self.show_again_in(request, f"challenge:{challenge}", there)

    def conditions(self) -> list[Asked]:
        """Return the conditions that were written down."""
        return conditions_asked(self.cleaned_data)

    def rearm(self, request, there: str, **hidden: str) -> None:
        """Give a refused form a new challenge, and the digest that is on show now."""
        self.data = self.data.copy()
        for name, value in hidden.items():
            self.data[name] = value
        self._show_again_for(request, hidden["challenge"], there)


class WaiverForm(ReasonForm):
    """Asking for an exception: from what, what is done instead, and until when."""

    requirement = forms.ChoiceField(
        label="What is waived",
        error_messages={
            "required": "Choose the requirement that cannot be met now.",
            "invalid_choice": "Choose one of the requirements that may be waived.",
        },
    )
    compensating_control = forms.CharField(
        label="What is done instead",
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3, "class": "vLargeTextField"}),
        help_text="The control that makes up for it, who keeps it, and how one sees that it works.",
        error_messages={"required": "Say what is done instead."},
    )
    ends_at = DayField(
        label="Ends on", error_messages={"required": "Give the day on which it ends."}
    )

    def __init__(self, *args, asked, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["requirement"].choices = [("", "Choose…"), *asked.choices]
        self.fields[
            "ends_at"
        ].help_text = (
            f"It ends when the day begins, in UTC; {asked.longest_months} months from now at most."
        )

    def values(self) -> dict:
        """Return the arguments of `ask_waiver` that were entered."""
        given = self.cleaned_data
        gate, _, code = given["requirement"].partition(".")
        return {
            "gate": gate,
            "code": code,
            **{name: given[name] for name in ("compensating_control", "ends_at", "reason")},
        }


class PromotionForm(GovernedForm):
    """Asking for a release somewhere, and amending what was asked for.

    Release and environment are chosen before the form is shown, since endpoints and gate follow
    from them; they stand in it hidden.
    """

    endpoints = forms.ModelMultipleChoiceField(
        queryset=ServingEndpoint.objects.none(),
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Name at least one endpoint that serves the release."},
    )

    class Meta:
        model = Promotion
        fields = ("release", "environment", "purpose", "wanted_by")
        widgets = {"release": forms.HiddenInput, "environment": forms.HiddenInput}

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if "endpoints" not in self.fields:
            return  # shown to somebody who may only read it
        release, field = self._release(), self.fields["endpoints"]
        field.queryset = self.endpoints_of(release)
        if self.instance.pk:
            links = self.instance.endpoint_links.values_list("endpoint", flat=True)
            self.initial.setdefault("endpoints", list(links))
        elif release is not None:
            self._say_endpoints(release, field)

    def _say_endpoints(self, release, field) -> None:
        """Tick the one endpoint there is; where there is none, say where one is registered."""
        serving = list(field.queryset.values_list("pk", flat=True)[:2])
        if len(serving) == 1:
            self.initial.setdefault("endpoints", serving)
        field.help_text = (
            "The endpoints that serve its model version. Only where it is asked for is it approved."
            if serving
            else format_html(
                "No endpoint that you may see serves its model version. "
                '<a href="/registry/servingendpoint/add/?version={}">Register one</a> first.',
                release.model_version_id,
            )
        )

    #: Set by the admin, which knows who is reading.
    visible_endpoints = ServingEndpoint.objects.none()

    def endpoints_of(self, release):
        """Return the endpoints that serve the release's version, as far as the reader sees them."""
        if release is None:
            return ServingEndpoint.objects.none()
        return self.visible_endpoints.filter(version=release.model_version_id)

    def _release(self):
        if self.instance.pk:
            return self.instance.release
        pk = self.data.get("release") if self.is_bound else self.initial.get("release")
        releases = self.fields["release"].queryset
        key = str(pk or "")
        readable = key.isascii() and key.isdigit() and len(key) < 19
        return releases.filter(pk=key).first() if readable else None
