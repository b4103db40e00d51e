"""The fields by which somebody shows once more who they are, for every form that asks."""

import copy
from urllib.parse import urlencode

from django import forms
from django.urls import reverse

from registry.showing import FRESH_FOR, Ways, typed_before
from registry.totp import DIGITS


def code_field(**options) -> forms.CharField:
    """Return a field for a code of an authenticator app."""
    return forms.CharField(
        label="Code of your authenticator app",
        max_length=DIGITS * 2,
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "inputmode": "numeric"}),
        **options,
    )


class ShowsAgain:
    """Mixed into a form with a field `password`; `cleaned_data["password"]` becomes a `Shown`.

    Call `show_again_in` at the end of `__init__`. It adds the code of the second factor for those
    who have one, and the way to the identity provider for those who sign in there; whoever has
    just been there is asked for nothing more.
    """

    ways: Ways | None = None
    #: Where the button to the identity provider leads; nothing without one.
    again_url = ""
    #: The sign-in at the provider that serves here, if there is one.
    fresh = None

    def show_again_in(self, request, purpose: str = "", there: str = "") -> None:
        """Offer what `request.user` can show who they are by; without `purpose`, for this page."""
        there = there or request.get_full_path()
        purpose = purpose or there
        self.ways, self.there = Ways(request, purpose), there
        ways = self.ways
        self._begin_anew()
        if not self.is_bound and (typed := typed_before(request, purpose)):
            for name, given in self.fields.items():
                if name in typed and name not in self.initial:
                    several = isinstance(
                        given, forms.MultipleChoiceField | forms.ModelMultipleChoiceField
                    )
                    self.initial[name] = typed[name] if several else typed[name][-1]
        if ways.fresh is not None:
            self.fresh = ways.fresh
            self.fresh_until = ways.fresh.authenticated_at + FRESH_FOR
            del self.fields["password"]
            return
        if ways.enrolled:
            at = list(self.fields).index("password") + 1
            self.fields["code"] = code_field(required=not ways.provider)
            order = [name for name in self.fields if name != "code"]
            self.order_fields([*order[:at], "code", *order[at:]])
        if ways.provider:
            self.again_url = (
                f"{reverse('admin:sso_again')}?{urlencode({'purpose': purpose, 'next': there})}"
            )
            password = self.fields["password"]
            password.required = False
            password.help_text = f"{password.help_text} {self._instead(ways)}"

    def _begin_anew(self) -> None:
        """Have the fields as they are without second factor and provider."""
        self.again_url, self.fresh = "", None
        self.fields.pop("code", None)
        order = list(self.fields)
        password = copy.deepcopy(self.base_fields["password"])
        self.fields["password"] = password
        if "password" not in order:
            after = self.asked_after
            at = order.index(after) + 1 if after in order else len(order)
            self.order_fields([*order[:at], "password", *order[at:]])

    #: The field behind which the password stands.
    asked_after = "reason"

    def refuse(self, refused) -> None:
        """Show the reasons; a sign-in at the provider that was used up is asked for anew."""
        for reason in refused.reasons:
            self.add_error(reason.field if reason.field in self.fields else None, reason.sentence)
        if self.ways is not None:
            self.show_again_in(self.ways.request, self.ways.purpose, self.there)

    @staticmethod
    def _instead(ways: Ways) -> str:
        if ways.at_provider and ways.enrolled:
            return (
                f"You signed in at {ways.provider}: a code of your app does without it, and so "
                "does signing in there again."
            )
        return f"Or leave it empty and sign in again at {ways.provider}."

    def clean(self):
        cleaned = super().clean() or self.cleaned_data
        if self.ways is None:
            return cleaned
        password, code = cleaned.get("password", ""), cleaned.pop("code", "")
        if not self.errors or "password" not in self.errors:
            cleaned["password"] = self.ways.shown(password, code)
        return cleaned
