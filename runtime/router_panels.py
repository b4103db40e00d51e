"""Who decides from what, on an environment's page, and on a router's own."""

from django.template.loader import render_to_string

from registry.models import Environment, Router
from registry.rights import may
from runtime.publishing import current
from runtime.records.gaps import missing
from runtime.routers import STATES, Standing, routers_of, standings

#: Rows of one panel.
SHOWN = 50
#: How a state is drawn.
DRAWN = {
    "current": ("active", "Up to date"),
    "behind": ("behind", "Behind"),
    "ahead": ("disagrees", "Ahead"),
    "silent": ("missing", "Not heard from"),
    "never_heard": ("missing", "Never heard from"),
    "off": ("inactive", "Switched off"),
}


def of_environment(request, environment: Environment) -> str:
    """Return which routers decide from what is active here, and which are behind since when."""
    rows = routers_of(environment).select_related("team")
    found = standings(environment, rows[: SHOWN + 1])
    active = current(environment)
    late = [one for one in found if one.state != "current"]
    context = {
        "environment": environment,
        "active": active,
        "rows": [_row(one) for one in (*late, *(one for one in found if one not in late))][:SHOWN],
        "late": len(late),
        "more": len(found) > SHOWN,
        "may_add": not may(request.user, "save", Router),
    }
    return render_to_string("runtime/_routers_panel.html", context, request)


def of_router(request, router: Router) -> str:
    """Return how a router stands to what is active, on its own page."""
    (found,) = standings(router.environment, [router])
    context = {
        "row": _row(found),
        "active": current(router.environment),
        "router": router,
        "gaps": missing(router),
    }
    return render_to_string("runtime/_router_panel.html", context, request)


def _row(one: Standing) -> dict:
    drawn, word = DRAWN[one.state]
    return {"standing": one, "drawn": drawn, "word": word, "sentence": STATES[one.state]}
