"""The page of one's own second factor: set up with an authenticator app, or taken away."""

from base64 import b64decode, b64encode

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.http import Http404, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from audit import Refused, encryption
from registry import totp, transitions
from registry.admin.acts import PasswordForm
from registry.models import SecondFactor
from registry.second_factor import USE
from registry.showing_forms import ShowsAgain, code_field

#: In a session: the secret that the page shows until a code of it is typed, encrypted.
_SECRET = "second_factor_offered"
#: Blank modules around a QR code, which readers need.
QUIET = 4


class SetUpForm(ShowsAgain, forms.Form):
    """A code that the app shows, and who is there."""

    asked_after = "first_code"

    first_code = code_field(
        help_text="The six digits that the app shows for Gatehouse now.",
        error_messages={"required": "Give the code that the app shows."},
    )
    password = PasswordForm.base_fields["password"]

    def __init__(self, *args, request, **kwargs):
        super().__init__(*args, **kwargs)
        self.show_again_in(request)


@never_cache
@sensitive_post_parameters("password", "code", "first_code")
@require_http_methods(["GET", "HEAD", "POST"])
def page(request):
    """Show how one's second factor stands, and change that."""
    if not settings.SECOND_FACTOR:
        raise Http404("This installation asks for no second factor.")
    factor = SecondFactor.objects.filter(person=request.user).first()
    posted = request.POST if request.method == "POST" else None
    if factor is None:
        form, act = SetUpForm(posted, request=request), _set_up
    else:
        form, act = PasswordForm(posted, request=request), _take
    status = 200
    if posted is not None:
        status = 422
        if form.is_valid():
            try:
                said = act(request, form.cleaned_data)
            except Refused as refused:
                form.refuse(refused)
                status = refused.status
            else:
                messages.success(request, said)
                return HttpResponseRedirect(reverse("admin:second_factor"))
    context = {
        **admin.site.each_context(request),
        "title": "Second factor",
        "factor": factor,
        "form": form,
        **({} if factor else _offered(request)),
    }
    request.current_app = admin.site.name
    return TemplateResponse(request, "registry/second_factor.html", context, status=status)


def _set_up(request, given) -> str:
    transitions.set_up_second_factor(
        _secret(request), given["first_code"], password=given["password"], actor=request.user
    )
    del request.session[_SECRET]
    return "Your second factor is set up. Its code is asked from now on."


def _take(request, given) -> str:
    transitions.take_second_factor(
        request.user.pk, password=given["password"], actor=request.user, reason=given["reason"]
    )
    return "Your second factor is taken away."


def _offered(request) -> dict:
    """Return the secret as an app takes it: typed, or as a picture if what draws it is there."""
    secret = _secret(request)
    address = totp.address(secret, issuer="Gatehouse", account=request.user.get_username())
    typed = totp.as_typed(secret)
    return {
        "typed": " ".join(typed[at : at + 4] for at in range(0, len(typed), 4)),
        "address": address,
        "picture": _picture(address),
    }


def _secret(request) -> bytes:
    kept = request.session.get(_SECRET, "")
    try:
        return b64decode(encryption.decrypted(kept, USE))
    except encryption.SecretLost:
        secret = totp.new_secret()
        request.session[_SECRET] = encryption.encrypted(b64encode(secret), USE)
        return secret


def _picture(address: str) -> dict | None:
    """Return a QR code as the size and the path of a drawing; None without what makes one."""
    try:
        from qrcode.constants import ERROR_CORRECT_M
        from qrcode.main import QRCode
    except ImportError:
        return None
    code = QRCode(error_correction=ERROR_CORRECT_M, border=QUIET)
    code.add_data(address)
    code.make(fit=True)
    rows = code.get_matrix()
    path = "".join(
        f"M{x} {y}h1v1h-1z" for y, row in enumerate(rows) for x, dark in enumerate(row) if dark
    )
    return {"size": len(rows), "path": path}
