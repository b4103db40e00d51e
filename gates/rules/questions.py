"""What a deployment tool asks, read strictly: a question misread would get a wrong answer."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from audit.instants import read_instant
from audit.refusals import Reason

DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
SLUG = re.compile(r"[-a-zA-Z0-9_]{1,50}")


@dataclass(frozen=True)
class Question:
    """May the release of that digest run in that environment, now (None) or at that instant?"""

    release: str
    environment: str
    at: datetime | None = None


def read_question(given: Mapping[str, str], now: datetime) -> tuple[Question | None, list[Reason]]:
    """Return the question in `given` (release, environment, at), or every reason it has none."""
    release, environment = given.get("release", ""), given.get("environment", "")
    reasons = []
    if not DIGEST.fullmatch(release):
        sentence = "Give the digest of a sealed release: sha256: and 64 lower-case hex digits."
        reasons.append(Reason("NOT_A_DIGEST", sentence, "release"))
    if not SLUG.fullmatch(environment):
        reasons.append(Reason("NOT_A_SLUG", "Give the slug of an environment.", "environment"))
    at = None
    if "at" in given:
        at, problem = read_instant(given["at"])
        if not problem and at is not None and at > now:
            problem = "This instant lies in the future. Leave it out to ask about now."
        if problem:
            reasons.append(Reason("NOT_AN_INSTANT", problem, "at"))
    return (None, reasons) if reasons else (Question(release, environment, at), [])
