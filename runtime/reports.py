"""What routers say they hold: noted when it changes, and once a minute while it does not.

A row for each generation that a router held is kept for good: it is when that router took a
rollback up. So a router has no more rows than its environment has generations, and one for what it
may claim beyond them.
"""

import logging
from datetime import datetime

from django.db import DatabaseError, transaction

from audit import clock
from registry.models import ApiToken, RouterReport

log = logging.getLogger("gatehouse.routers")

#: Generations that one token may say within a minute; whoever says more holds none of them.
REMEMBERED = 20


def note(token: ApiToken, generation: int, active: int) -> None:
    """Note that the token's router holds `generation`: one write a minute, not a governed change.

    `active` is what its environment is at. Of what was never published there, only the last that
    the router claimed is kept: it may claim any number.

    A router without a row of its own, of a token issued before there were any, leaves no report.
    """
    if token.router_id is None:
        return
    now = clock.now()
    minute = now.replace(second=0, microsecond=0)
    # The token is kept between requests, so that the same is not written again and again.
    said: dict[int, datetime] = token.__dict__.setdefault("said", {})
    if said.get(generation) == minute:
        return
    for earlier in [one for one, at in said.items() if at != minute]:
        del said[earlier]
    if len(said) >= REMEMBERED:
        return
    said[generation] = minute
    try:
        with transaction.atomic():
            if generation > active:
                claims = RouterReport.objects.filter(
                    router_id=token.router_id, generation__gt=active
                )
                claims.exclude(generation=generation).delete()
            report, is_new = RouterReport.objects.get_or_create(
                router_id=token.router_id,
                generation=generation,
                defaults={"first_seen_at": now, "last_seen_at": now},
            )
            if not is_new and report.last_seen_at < minute:
                RouterReport.objects.filter(pk=report.pk, last_seen_at__lt=now).update(
                    last_seen_at=now
                )
    except DatabaseError:
        # A writer held the database for long: no reason to keep a router from its snapshot.
        said.pop(generation, None)
        log.warning("What router %s holds was not noted.", token.router_id, exc_info=True)
