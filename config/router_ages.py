"""How old the data may be that routers decide from, by how closely held what they route is."""

from collections.abc import Mapping

from django.core.exceptions import ImproperlyConfigured

#: From what everybody may know to what few may, as use cases are classified.
DEFAULT = {"public": 86_400, "internal": 3600, "confidential": 300, "restricted": 60}
#: Less than a router's way here and back, and nothing would be routed; in a week more is forgotten
#: than an approval can be.
LEAST, MOST = 10, 7 * 86_400


def max_age(given: Mapping[str, str]) -> dict[str, int]:
    """Return seconds by classification: `given` where it says something, else the default.

    Raises `ImproperlyConfigured` naming what cannot be.
    """
    unknown = sorted(given.keys() - DEFAULT.keys())
    if unknown:
        raise ImproperlyConfigured(
            f"ROUTER_MAX_AGE names {', '.join(unknown)}; it takes {', '.join(DEFAULT)}."
        )
    ages = dict(DEFAULT)
    for name, text in given.items():
        if not (text.isascii() and text.isdecimal() and LEAST <= int(text[:9]) <= MOST):
            raise ImproperlyConfigured(
                f"ROUTER_MAX_AGE: {name} takes {LEAST} to {MOST} seconds, not {text[:20]!r}."
            )
        ages[name] = int(text)
    if list(ages.values()) != sorted(ages.values(), reverse=True):
        raise ImproperlyConfigured(
            f"ROUTER_MAX_AGE lets more closely held data be routed by older facts: {ages}."
        )
    return ages
