"""What django-allauth does for us: the way to the provider and back, and what it says there.

Stricter than its defaults where a signature will rest on it: the id token's own signature is
checked even though it came over TLS, with asymmetric algorithms alone; it names when the person
showed who they are, and the nonce of this very request; both sources are about one subject; and
the provider is the one that was configured.
"""

import jwt
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.internal import jwtkit
from allauth.socialaccount.models import SocialApp
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.openid_connect.provider import OpenIDConnectProvider
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.conf import settings
from django.urls import reverse

#: Signed with a key that the provider alone has. HMAC would be signed with our client secret.
ALGORITHMS = frozenset(
    {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}
)
#: Seconds by which the provider's clock may differ from ours.
LEEWAY = 30


class Endpoints(OpenIDConnectOAuth2Adapter):
    """The provider's addresses, and what is believed of its answers."""

    def get_provider(self):
        return provider(self.request)

    @property
    def openid_config(self):
        found = super().openid_config
        if str(found.get("issuer", "")).rstrip("/") != settings.SINGLE_SIGN_ON.issuer:
            raise OAuth2Error("The provider says that it is another.")
        return found

    def get_callback_url(self, request, app):
        return request.build_absolute_uri(reverse("admin:sso_callback"))

    def complete_login(self, request, app, token, **kwargs):
        if not kwargs["response"].get("id_token"):
            raise OAuth2Error("There is no id token in the answer.")
        login = super().complete_login(request, app, token, **kwargs)
        said = login.account.extra_data
        if said["userinfo"].get("sub") != said["id_token"]["sub"]:
            raise OAuth2Error("The two answers are about different people.")
        return login

    def _decode_id_token(self, app, id_token):
        try:
            keys = self.openid_config["jwks_uri"]
            algorithm, key = jwtkit.fetch_key(id_token, keys, jwtkit.lookup_kid_jwk)
            if algorithm not in ALGORITHMS:
                raise OAuth2Error(f"The id token is signed by {algorithm}.")
            return jwt.decode(
                id_token,
                key=key,
                algorithms=[algorithm],
                issuer=self.openid_config["issuer"],
                audience=app.client_id,
                leeway=LEEWAY,
                options={"require": ["iss", "sub", "aud", "exp", "iat", "nonce"]},
            )
        except (jwt.PyJWTError, KeyError) as error:
            raise OAuth2Error("The id token does not hold.") from error


class Provider(OpenIDConnectProvider):
    oauth2_adapter_class = Endpoints

    def get_oauth2_adapter(self, request):
        return Endpoints(request, self.app.provider_id)


def provider(request) -> Provider:
    """Return the one provider that the environment names."""
    told = settings.SINGLE_SIGN_ON
    app = SocialApp(
        provider=Provider.id,
        provider_id="sso",
        name=told.name,
        client_id=told.client_id,
        secret=told.client_secret,
        settings={"server_url": told.issuer, "oauth_pkce_enabled": True},
    )
    return Provider(request, app=app)


class Adapter(DefaultSocialAccountAdapter):
    """Takes over as soon as allauth knows what the provider says, and when it knows nothing."""

    def list_apps(self, request, provider=None, client_id=None):
        return []  # none from the database: whoever writes there would name a provider

    def is_open_for_signup(self, request, sociallogin):
        return False

    def pre_social_login(self, request, sociallogin):
        from registry.single_sign_on.views import arrived

        said = sociallogin.account.extra_data
        raise ImmediateHttpResponse(
            arrived(request, said["id_token"], said["userinfo"], sociallogin.state)
        )

    def on_authentication_error(
        self, request, provider, error=None, exception=None, extra_context=None
    ):
        from registry.single_sign_on.views import failed

        raise ImmediateHttpResponse(failed(request, error, exception))
