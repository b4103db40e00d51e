"""The public keys, for whoever verifies what was signed here."""

import logging

from django.http import HttpResponse
from django.views.decorators.http import require_safe

from audit import keys
from audit.rules import canonical
from config import problems

log = logging.getLogger("gatehouse.keys")

#: Seconds for which the set may be kept: far less than a new key is published before it signs.
FRESH = 300


@require_safe
def signing_keys(request) -> HttpResponse:
    """Answer with the JWK Set of the keys whose signatures hold; it may be empty."""
    try:
        found = keys.jwk_set()
    except keys.NoKey as error:
        log.error("The keys were not published: %s", error)
        return problems.problem(503, "The keys cannot be read here; it is in the log.")
    return HttpResponse(
        canonical(found),
        content_type="application/jwk-set+json",
        headers={"Cache-Control": f"public, max-age={FRESH}"},
    )
