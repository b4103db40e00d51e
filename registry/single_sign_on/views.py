"""To the identity provider and back: to sign in, or to show once more who one is."""

import logging
import secrets
from datetime import UTC, datetime
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import auth
from django.http import HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from audit import Reason, Refused, clock
from registry.models import FreshSignIn
from registry.showing import (
    BEGUN_AT_PROVIDER,
    CLOCKS_DIFFER,
    FRESH_FOR,
    keep_typed,
    session_digest,
)
from registry.single_sign_on.people import person_of

log = logging.getLogger("gatehouse.sso")

BACKEND = "django.contrib.auth.backends.ModelBackend"
#: Purposes are addresses of pages; nobody needs longer ones.
LONGEST_PURPOSE = 500
#: What we stash with the state of one request to the provider.
OURS = "gatehouse"


@never_cache
@require_POST
def begin(request):
    """Lead to the provider, to sign in."""
    return _lead_there(request, _next(request, request.POST.get("next", "")), {})


@never_cache
@require_POST
def again(request):
    """Lead to the provider, to show once more who one is, for one purpose.

    What was typed in the form so far is kept in the session until its page is shown again.
    """
    purpose = request.GET.get("purpose", "")
    if not request.user.subject or not 0 < len(purpose) <= LONGEST_PURPOSE:
        sentence = "You do not sign in at the identity provider. Give your password."
        return refused(request, [Reason("NOT_LINKED", sentence)])
    keep_typed(request, purpose)
    ours = {
        "purpose": purpose,
        "person": request.user.pk,
        "asked_at": clock.now().timestamp(),
    }
    there = _next(request, request.GET.get("next", ""))
    # Both ways of asking: providers know one of them, or both.
    fresh = {"prompt": "login", "max_age": str(int(FRESH_FOR.total_seconds()))}
    return _lead_there(request, there, ours, **fresh)


def _lead_there(request, there: str, ours: dict, **parameters):
    from allauth.socialaccount.providers.oauth2.client import OAuth2Error
    from requests import RequestException

    from registry.single_sign_on.adapter import provider

    nonce = secrets.token_urlsafe(24)
    ours = {**ours, "nonce": nonce, "next": there}
    try:
        return provider(request).redirect(
            request, process="login", auth_params={**parameters, "nonce": nonce}, **{OURS: ours}
        )
    except (OAuth2Error, RequestException) as error:
        return failed(request, None, error)


def _next(request, asked: str) -> str:
    """Return the address to go to afterwards: one of ours."""
    safe = url_has_allowed_host_and_scheme(
        asked, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return asked if asked and safe else reverse("admin:index")


@never_cache
@require_GET
def callback(request):
    """Take the provider's answer; see `arrived`."""
    from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView

    from registry.single_sign_on.adapter import Endpoints

    return OAuth2CallbackView.adapter_view(Endpoints(request, "sso"))(request)


def arrived(request, claims: dict, userinfo: dict, state: dict):
    """Sign in, or note a fresh sign-in: the provider says who came, in answer to us."""
    ours = state.get(OURS) or {}
    if not secrets.compare_digest(str(claims.get("nonce")), str(ours.get("nonce", ""))):
        sentence = "The answer of the identity provider belongs to another request. Try again."
        return refused(request, [Reason("NONCE", sentence)])
    if "purpose" in ours:
        return _shown_again(request, claims, ours)
    told = settings.SINGLE_SIGN_ON
    try:
        person = person_of(
            told.issuer, {**userinfo, **claims}, trusts_addresses=told.trusts_addresses
        )
    except Refused as error:
        return refused(request, error.reasons)
    auth.login(request, person, backend=BACKEND)
    request.session[BEGUN_AT_PROVIDER] = {"issuer": told.issuer, "subject": person.subject}
    return HttpResponseRedirect(ours["next"])


def _shown_again(request, claims: dict, ours: dict):
    user, now = request.user, clock.now()
    if not user.is_authenticated or user.pk != ours["person"]:
        sentence = "You were signed out meanwhile. Sign in, and begin again."
        return refused(request, [Reason("SIGNED_OUT", sentence)])
    if (settings.SINGLE_SIGN_ON.issuer, str(claims["sub"])) != (user.issuer, user.subject):
        sentence = (
            f"You signed in there as somebody else than {user.get_username()}, who is signed in "
            "here. Nothing was signed."
        )
        return refused(request, [Reason("SOMEBODY_ELSE", sentence)], there=ours["next"])
    at = _instant(claims.get("auth_time"))
    if at is None:
        sentence = (
            "The identity provider does not say when you showed who you are (auth_time), so it "
            "cannot serve for this. Give your password, and tell an administrator."
        )
        return refused(request, [Reason("NO_AUTH_TIME", sentence)], there=ours["next"])
    asked = datetime.fromtimestamp(ours["asked_at"], UTC)
    if at < asked - CLOCKS_DIFFER or at > now + CLOCKS_DIFFER:
        sentence = (
            "The identity provider did not ask you anew: it says that you showed who you are on "
            f"{at:%d %b %Y at %H:%M:%S} UTC. Sign out there and try again, or give your password."
        )
        return refused(request, [Reason("NOT_FRESH", sentence)], there=ours["next"])
    # A session that is worth more has another key.
    request.session.cycle_key()
    FreshSignIn.objects.create(
        person=user,
        session=session_digest(request),
        purpose=ours["purpose"],
        issuer=user.issuer,
        subject=user.subject,
        authenticated_at=at,
        made_at=now,
    )
    return HttpResponseRedirect(ours["next"])


def _instant(seconds) -> datetime | None:
    """Return a time in seconds since 1970, if it is one."""
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):
        return None


def failed(request, error, exception):
    """Say that the provider could not be asked, or let nobody in; the log has the cause."""
    log.warning("The identity provider could not be asked: %s", error, exc_info=exception)
    if str(error) == "cancelled" or request.GET.get("error") == "access_denied":
        sentence = "The identity provider did not let you in, or you turned back there."
    else:
        sentence = (
            "The identity provider gave no answer that holds. Try again; if it stays so, sign in "
            "with your password and tell an administrator."
        )
    return refused(request, [Reason("PROVIDER", sentence)])


def refused(request, reasons, *, there: str = ""):
    """Answer 403 with the reasons, and with the way back."""
    signed_in = request.user.is_authenticated
    back = there or reverse("admin:index" if signed_in else "admin:login")
    context = {
        "reasons": reasons,
        "back": back,
        "back_label": "Back" if signed_in else "To the sign-in page",
    }
    return render(request, "registration/sso_refused.html", context, status=403)


def again_url(purpose: str, there: str) -> str:
    """Return the address that leads to the provider for this purpose, and back to a page."""
    return f"{reverse('admin:sso_again')}?{urlencode({'purpose': purpose, 'next': there})}"
