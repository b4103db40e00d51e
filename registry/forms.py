"""Signing in, and setting one's own password."""

from django.conf import settings
from django.contrib.auth import forms as auth_forms
from django.core.exceptions import ValidationError
from django.views.decorators.debug import sensitive_variables

from registry import sign_in
from registry.models import Person
from registry.showing_forms import code_field


class SignInForm(auth_forms.AuthenticationForm):
    """User name and password; one sentence for whatever is wrong, so that nothing is given away."""

    error_messages = {
        "invalid_login": (
            "User name and password do not match, or the account is closed. "
            "After five failures it is locked for 15 minutes."
        ),
    }

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if settings.SECOND_FACTOR:
            self.fields["code"] = code_field(
                required=False, help_text="For those who set up a second factor."
            )

    @sensitive_variables()
    def clean(self):
        username, password = (self.cleaned_data.get(name) for name in ("username", "password"))
        if username and password:
            code = self.cleaned_data.get("code", "")
            self.user_cache = sign_in.sign_in(self.request, username, password, code)
            if self.user_cache is None:
                raise self.get_invalid_login_error()
        return self.cleaned_data


class PasswordResetForm(auth_forms.PasswordResetForm):
    """Sends a link to whoever could have a password: active people, never service accounts."""

    def get_users(self, email):
        if not sign_in.may_send_reset(email):
            return []
        people = super().get_users(email)
        return [person for person in people if person.kind == Person.Kind.PERSON]


class OwnPassword:
    """Saves the password alone: the one write to people that is outside the log."""

    def set_password_and_save(self, user, *args, commit=True, **kwargs):
        super().set_password_and_save(user, *args, commit=False, **kwargs)
        if commit:
            user.save(update_fields=["password"])
            sign_in.forget(sign_in.account_key(user.username))
        return user


class SetPasswordForm(OwnPassword, auth_forms.SetPasswordForm):
    """A new password, by the link that was sent."""


class PasswordChangeForm(OwnPassword, auth_forms.PasswordChangeForm):
    """A new password, by the old one, which is counted as at signing."""

    required_css_class = "required"

    @sensitive_variables("old_password")
    def clean_old_password(self) -> str:
        old_password = self.cleaned_data["old_password"]
        if wrong := sign_in.check_password_for_signing(self.user, old_password):
            raise ValidationError(wrong.sentence, code="password_incorrect")
        return old_password
