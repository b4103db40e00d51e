"""What a requirement or a condition follows from, as apps above tell it.

The cause is a text of the row, such as "incident 12, follow-up 3". Which of these texts name
something of ours is for the app above to say: gates need not know incidents.
"""

from collections.abc import Callable, Iterable

from registry.models import Person, Release

#: A cause as menus offer it: its text, and a line that says what it is.
Choice = tuple[str, str]
#: Called with a release and a reader: what a condition of its approval may follow from.
offering: list[Callable[[Release, Person], Iterable[Choice]]] = []
#: Called with the text of a cause: where it is read, or an empty text.
addresses: list[Callable[[str], str]] = []


def offered(release: Release, reader: Person) -> list[Choice]:
    """Return what a condition of the release's approval may follow from, as the reader sees it."""
    return [one for offers in offering for one in offers(release, reader)]


def address_of(text: str) -> str:
    """Return where a cause is read; empty where no page of ours says more."""
    found = (address(text) for address in addresses) if text else ()
    return next((url for url in found if url), "")
