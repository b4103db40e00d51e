"""What a verb would change of what runs; generations are published above, so it is asked there."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from registry.effective import InForce
from registry.models import Person


@dataclass(frozen=True)
class Attempt:
    """What a preview takes to be so: another policy in force, approvals revoked.

    As it stands, it is that of a verb which changes no answer by itself.
    """

    force: InForce | None = None
    #: Keys of promotions.
    revoked: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Followed:
    """A generation that would be published, with what would differ as far as the reader sees it."""

    environment: str
    url: str
    generation: int
    changes: tuple[dict[str, Any], ...]
    hidden: int


#: Called with an attempt and a reader; each returns the generations that would be published. Apps
#: above fill it in `AppConfig.ready()`.
followers: list[Callable[[Attempt, Person], list[Followed]]] = []


def followed(attempt: Attempt, reader: Person) -> list[Followed]:
    """Return the generations that would be published if the attempt were made now."""
    return [one for follower in followers for one in follower(attempt, reader)]


def shown(request, attempt: Attempt) -> SafeString:
    """Return the same as a section of a page."""
    return render_to_string(
        "gates/_followed.html", {"followed": followed(attempt, request.user)}, request
    )
