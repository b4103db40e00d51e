"""Sign-in at an identity provider, for those who installed the extra `sso`."""

from dataclasses import dataclass
from importlib.util import find_spec
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

#: What django-allauth needs to speak OpenID Connect; its pages and sign-up are not among it.
APPS = ("allauth", "allauth.account", "allauth.socialaccount")
MIDDLEWARE = ("allauth.account.middleware.AccountMiddleware",)


@dataclass(frozen=True)
class SingleSignOn:
    """The one identity provider: who it is, and who we are there."""

    issuer: str
    client_id: str
    client_secret: str
    name: str
    #: Whether its addresses count as verified though it does not say so of each.
    trusts_addresses: bool = False
    #: Hosts that the provider sends browsers on to; the browser must be told of them beforehand.
    origins: tuple[str, ...] = ()

    @property
    def form_action(self) -> list[str]:
        """The origins that a form's answer may lead to."""
        parts = urlsplit(self.issuer)
        return list(dict.fromkeys([f"{parts.scheme}://{parts.netloc}", *self.origins]))


def single_sign_on(env, *, https: bool) -> SingleSignOn | None:
    """Return what the environment says of the identity provider; None if it names none.

    Raises `ImproperlyConfigured` for half of a configuration, for an issuer that is called
    without TLS, and where what talks to it is not installed.
    """
    issuer = env.str("SSO_ISSUER", default="").rstrip("/")
    if not issuer:
        return None
    client_id, secret = env.str("SSO_CLIENT_ID", default=""), env.str("SSO_CLIENT_SECRET", "")
    wrong = []
    if not client_id or not secret:
        wrong.append("SSO_ISSUER is set: set SSO_CLIENT_ID and SSO_CLIENT_SECRET too.")
    parts = urlsplit(issuer)
    if not parts.netloc or parts.query or parts.fragment:
        wrong.append("SSO_ISSUER is no address, such as https://login.example.com/realms/us")
    elif https and parts.scheme != "https":
        wrong.append("SSO_ISSUER must begin with https://: who signs in is told over that line.")
    if any(find_spec(name) is None for name in ("allauth", "jwt")):
        wrong.append(
            "SSO_ISSUER is set, but what talks to it is not installed. "
            'Run: pip install "gatehouse[sso]"'
        )
    if wrong:
        raise ImproperlyConfigured("\n".join(wrong))
    return SingleSignOn(
        issuer=issuer,
        client_id=client_id,
        client_secret=secret,
        name=env.str("SSO_NAME", default=parts.netloc),
        trusts_addresses=env.bool("SSO_TRUST_ADDRESSES", default=False),
        origins=tuple(env.list("SSO_ORIGINS", default=[])),
    )
