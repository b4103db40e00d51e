"""API tokens: shown once, kept as their hash, always ending."""

from datetime import datetime

from knox.models import get_digest_token
from knox.settings import CONSTANTS

import audit
from audit import Reason, Refused
from audit.refusals import Conflict, NotAllowed
from registry import rights, rules
from registry.models import ApiToken, Person, Router, Team


def issue_token(
    person_pk: int,
    *,
    name: str,
    scope: str = ApiToken.Scope.READ,
    expires_at: datetime,
    router: Router | None = None,
    team: Team | None = None,
    actor,
    reason: str,
) -> tuple[ApiToken, str]:
    """Issue a token and return (row, token); the token itself is nowhere kept.

    An administrator issues for anybody, a person a `read` token for themselves. One of scope
    `router` is bound to the router's environment.
    """
    with audit.change(actor=actor, reason=reason) as change:
        person, owner = rights.acting(change, actor, person_pk)
        rights.demand(person, "issue_token", owner)
        if scope != ApiToken.Scope.READ and rights.may(person, "administer"):
            raise NotAllowed(
                Reason("NOT_ALLOWED", "Only an administrator issues a token that writes.", "scope")
            )
        if reasons := rules.token_problems(
            now=change.now, expires_at=expires_at, owner_active=owner.is_active
        ):
            raise Refused(reasons)
        if scope == ApiToken.Scope.ROUTER:
            router = _active(change, router)
        digest, raw = get_digest_token()
        token = ApiToken(
            digest=digest,
            token_key=raw[: CONSTANTS.TOKEN_KEY_LENGTH],
            user=owner,
            name=name,
            scope=scope,
            environment=router and router.environment,
            router=router,
            team=team,
            created=change.now,
            expiry=expires_at,
        )
        change.save(token, event="apitoken.issued")
    return token, raw


def _active(change: audit.Change, router: Router | None) -> Router:
    """Return the router under its lock, if it is switched on."""
    if router is None:
        raise Refused(Reason("ROUTER_MISSING", "Say which router the token is for.", "router"))
    router = change.lock(Router, router.pk)
    if not router.is_active:
        raise Refused(Reason("INACTIVE", f"The router {router} is switched off.", "router"))
    return router


def revoke_token(pk: int, *, actor, reason: str) -> ApiToken:
    """End a token at once; its owner or an administrator may."""
    with audit.change(actor=actor, reason=reason) as change:
        person: Person = rights.acting(change, actor)
        token = change.lock(ApiToken, pk)
        rights.demand(person, "revoke_token", token)
        if token.revoked_at is not None:
            raise Conflict(Reason("REVOKED", "This token is revoked already."))
        token.revoked_at = change.now
        return change.save(token, event="apitoken.revoked")
