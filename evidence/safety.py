"""Whether a file may be handed out, by what a scan said of it. Pure: values in, values out."""

from enum import StrEnum


class Safety(StrEnum):
    """Whether a file was scanned and what came of it."""

    PASSED = "passed"
    FOUND = "found"
    FAILED = "failed"
    WAITING = "waiting"
    NOT_SCANNED = "not_scanned"

    @property
    def holds(self) -> str:
        """Why the file is held, to be read after its name; empty for one that is handed out."""
        return _HOLDS.get(self, "")


_HOLDS = {
    Safety.FOUND: "is held: the scan found something in it. Give a clean file as new evidence.",
    Safety.FAILED: "is held: the scan could not tell whether it is safe. It will be scanned again.",
    Safety.WAITING: "is held until it is scanned. Ask again later.",
}


def safety(outcome: str | None, *, scanning: bool) -> Safety:
    """Return how a file stands by the outcome of its newest scan, if there is one.

    Without a scanner nothing waits for one; what was found in a file stays found.
    """
    if outcome in (Safety.PASSED, Safety.FOUND):
        return Safety(outcome)
    if not scanning:
        return Safety.NOT_SCANNED
    return Safety.FAILED if outcome else Safety.WAITING
