"""Words that exports have in common: licences, instants, scores. Pure."""

import re
from datetime import UTC, datetime
from typing import Any

#: Licences that models come under, as SPDX calls them; what is none of these is told by its name.
SPDX = (
    *("Apache-2.0", "MIT", "BSD-2-Clause", "BSD-3-Clause", "MPL-2.0", "ISC", "Unlicense"),
    *("CC0-1.0", "CC-BY-4.0", "CC-BY-SA-4.0", "CC-BY-NC-4.0", "CC-BY-NC-SA-4.0", "CC-BY-ND-4.0"),
    *("CC-BY-NC-ND-4.0", "GPL-3.0-only", "AGPL-3.0-only", "LGPL-3.0-only", "ECL-2.0", "AFL-3.0"),
)
_BY_NAME = {name.lower(): name for name in SPDX}
ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[A-Za-z0-9._~:/?#@!$&'()*+,;=%-]+")


def spdx(licence: str) -> str:
    """Return the SPDX identifier of a licence; empty where it is none of those known here."""
    return _BY_NAME.get(licence.strip().lower(), "")


def instant(at: datetime) -> str:
    """Return an instant to the second, in UTC."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def address(text: str) -> str:
    """Return a text if it is an address that any reader takes for one."""
    return text if ADDRESS.fullmatch(text) else ""


def score_said(score) -> dict[str, Any]:
    """Return who stands behind a figure, and until when."""
    run, item, metric = score.run, score.run.item, score.metric
    version = metric.suite_version
    return {
        "suite": version.suite.slug,
        "suite_version": version.number,
        "metric": metric.name,
        "value": score.text,
        "unit": metric.unit,
        "higher_is_better": metric.higher_is_better,
        "about": score.of,
        "source": run.source,
        "ran_at": instant(run.ran_at),
        "standing": item.standing,
        "vouched_by": item.vouched_by,
        "accepted_by": run.acceptance.accepted_by.username,
        "expires": instant(item.expires_at),
        "evidence": str(item.pk),
        "evidence_digest": item.digest,
    }
