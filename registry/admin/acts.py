"""Verbs that ask once more who is there."""

from django import forms

from audit.admin import Act
from audit.admin.acts import ReasonForm
from registry.showing_forms import ShowsAgain


class PasswordForm(ShowsAgain, ReasonForm):
    """A reason, and the password once more."""

    password = forms.CharField(
        label="Your password again",
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
        help_text="This asks once more who you are, since your name stands under it for good.",
        error_messages={"required": "Give your password; your name stands under this."},
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.order_fields([*(name for name in self.fields if name != "password"), "password"])
        if self.request is not None:
            self.show_again_in(self.request)


class AuthenticatedAct(Act):
    """A verb whose form asks for the password, which never shows in a report of an error."""

    form = PasswordForm

    def answer(self, model_admin, request, row):
        request.sensitive_post_parameters = ("password", "code")
        return super().answer(model_admin, request, row)
