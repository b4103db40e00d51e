"""Forms of promotions: signing one, and asking for one."""

from django import forms

from audit.admin.forms import reason_field
from gates.rules.signing import VERDICTS, meanings


class SignForm(forms.Form):
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
    verdict = forms.CharField(widget=forms.HiddenInput, max_length=20)
    role = forms.CharField(widget=forms.HiddenInput, max_length=30, required=False)

    def __init__(self, *args, verdict: str, role: str, **kwargs):
        super().__init__(*args, **kwargs)
        choices = meanings(verdict, role) if verdict in VERDICTS else ()
        self.fields["meaning"].choices = choices
        if len(choices) == 1:
            self.fields["meaning"].initial = choices[0][0]

    def rearm(self, **hidden: str) -> None:
        """Give a refused form a new challenge, and the digest that is on show now."""
        self.data = self.data.copy()
        for name, value in hidden.items():
            self.data[name] = value
