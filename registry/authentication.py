"""Bearer tokens: who calls, known from the position of the last change and one look in memory."""

import re

from django.db import IntegrityError, transaction
from knox.crypto import hash_token
from rest_framework import exceptions
from rest_framework.authentication import BaseAuthentication, get_authorization_header

from audit import clock, context
from audit.kept import kept, position
from registry.models import ApiToken, TokenUse

# Checked before anything else: other bytes end as a 500 in a look-up or in PostgreSQL.
TOKEN = re.compile(rb"[A-Za-z0-9_]{1,128}")


class TokenAuthentication(BaseAuthentication):
    """`Authorization: Bearer <token>`.

    Sets `request.position`, so that what is computed next needs no second look. An expired,
    revoked or unknown token, or one of a deactivated owner, answers 401.
    """

    def authenticate(self, request):
        scheme, _, credentials = get_authorization_header(request).partition(b" ")
        if scheme.lower() != b"bearer":
            return None
        if not TOKEN.fullmatch(credentials):
            raise exceptions.AuthenticationFailed("This is not a token.")
        digest = hash_token(credentials.decode())
        request.position = request._request.position = position()
        token = kept.answer(
            ("token", digest), lambda: (_find(digest), None), request.position
        )
        if token is None or not token.is_live or not token.user.is_active:
            raise exceptions.AuthenticationFailed(
                "This token is unknown, ended or revoked. Ask an administrator for a new one."
            )
        _note_use(token)
        context.via.set(f"token:{token.token_key}")
        return token.user, token

    def authenticate_header(self, request):
        return "Bearer"


def _find(digest: str) -> ApiToken | None:
    token = ApiToken.objects.filter(digest=digest).select_related("user").first()
    if token is not None:
        token.user.grants  # noqa: B018 - read now, so that it is kept with the token
    return token


def _note_use(token: ApiToken) -> None:
    """Write when the token was last used, once a minute; not a governed change."""
    minute = clock.now().replace(second=0, microsecond=0)
    if getattr(token, "noted_at", None) == minute:
        return
    token.noted_at = minute
    if not TokenUse.objects.filter(token=token).update(last_used_at=minute):
        try:
            with transaction.atomic():
                TokenUse.objects.create(token=token, last_used_at=minute)
        except IntegrityError:
            pass  # another process noted the same minute first
