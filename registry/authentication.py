"""Bearer tokens: who calls, known from the position of the last change and one look in memory."""

import logging
import re

from django.db import DatabaseError, transaction
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from knox.crypto import hash_token
from rest_framework import exceptions
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.permissions import BasePermission

from audit import clock, context
from audit.kept import kept, position
from registry.models import ApiToken, TokenUse

log = logging.getLogger("gatehouse.tokens")

# Checked before anything else: other bytes end as a 500 in a look-up or in PostgreSQL.
TOKEN = re.compile(rb"[A-Za-z0-9_]{1,128}")


class TokenAuthentication(BaseAuthentication):
    """`Authorization: Bearer <token>`.

    Sets `request.position`, so that what is computed next needs no second look. An expired,
    revoked or unknown token, or one of a deactivated owner or router, answers 401.
    """

    def authenticate(self, request):
        scheme, _, credentials = get_authorization_header(request).partition(b" ")
        if scheme.lower() != b"bearer":
            return None
        if not TOKEN.fullmatch(credentials):
            raise exceptions.AuthenticationFailed("This is not a token.")
        digest = hash_token(credentials.decode())
        request.position = request._request.position = position()
        token = kept.answer(("token", digest), lambda: (_find(digest), None), request.position)
        if not token.is_live or not token.user.is_active:
            raise _refusal()
        if token.router is not None and not token.router.is_active:
            raise _refusal()
        _note_use(token)
        context.via.set(f"token:{token.token_key}")
        return token.user, token

    def authenticate_header(self, request):
        return "Bearer"


class MayRead(BasePermission):
    """A token of scope `read`: one that lets a router or a pipeline write reads nothing here."""

    def has_permission(self, request, view) -> bool:
        token = request.auth
        if token is None:
            return False
        if token.scope == ApiToken.Scope.READ:
            return True
        raise exceptions.PermissionDenied(
            f"This token has the scope {token.scope}; reading here takes one of scope read. "
            "Its owner or an administrator issues one."
        )


class TokenInSchema(OpenApiAuthenticationExtension):
    """How the API's description names the token."""

    target_class = TokenAuthentication
    name = "token"

    def get_security_definition(self, auto_schema):
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "An API token, issued in the portal and shown once: of scope read, "
            "or of scope evidence where evidence is given.",
        }


def _refusal() -> exceptions.AuthenticationFailed:
    return exceptions.AuthenticationFailed(
        "This token is unknown, ended or revoked. Ask an administrator for a new one."
    )


def _find(digest: str) -> ApiToken:
    # Raised in here, so that guesses are not kept and throw out nothing that is.
    along = ("user", "environment", "router")
    token = ApiToken.objects.filter(digest=digest).select_related(*along).first()
    if token is None:
        raise _refusal()
    token.user.grants  # noqa: B018 - read now, so that it is kept with the token
    return token


def _note_use(token: ApiToken) -> None:
    """Write when the token was last used, once a minute; not a governed change."""
    minute = clock.now().replace(second=0, microsecond=0)
    if getattr(token, "noted_at", None) == minute:
        return
    token.noted_at = minute
    try:
        with transaction.atomic():
            TokenUse.objects.update_or_create(token=token, defaults={"last_used_at": minute})
    except DatabaseError:
        # Another process noted the same minute first, or a writer held the database for long:
        # neither is a reason to refuse a read.
        log.warning("The use of token %s was not noted.", token.pk, exc_info=True)
