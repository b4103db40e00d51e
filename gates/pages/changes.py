"""What changed since the environment's last approved release of the same use case."""

import json
import re
from dataclasses import dataclass, field
from functools import partial

from gates.models import Promotion
from gates.pages import words
from gates.pages.loaded import Loaded
from gates.pages.scores import approved_there, compared_scores
from gates.rules.findings import day
from gates.rules.progress import Progress
from registry import comparison
from registry.comparing import Change
from registry.effective import effective_policy


@dataclass(frozen=True)
class Changes:
    """All that differs, grouped; `since` names what it differs from, empty for a first release."""

    since: str = ""
    since_url: str = ""
    since_head: str = ""
    now_head: str = ""
    changes: list[dict] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    texts: list = field(default_factory=list)
    scores: list[Progress] = field(default_factory=list)

    @property
    def count(self) -> str:
        """How much differs, in words."""
        if not self.since:
            return "the first release here"
        number = len(self.changes) + len(self.texts)
        return f"{words.count(number, 'difference')} since {self.since}"


def changes(loaded: Loaded) -> Changes:
    """Return what differs from the last approved release, in the words of the compare page."""
    promotion = loaded.promotion
    before = approved_there(loaded)
    if before is None:
        return Changes(scores=compared_scores({}, loaded.document))
    document = json.loads(before.decided_package.content)
    found = comparison.compare(
        comparison.KINDS["release"], before.release, promotion.release, loaded.user
    )
    asked, same = _asked(document, loaded.document)
    policy, policy_same = _policy(before, document, loaded)
    rows = [*found.changes, *asked, *policy]
    return Changes(
        since=f"release {before.release.number}, approved on {day(before.decided_at)}",
        since_url=before.get_absolute_url(),
        since_head=f"Release {before.release.number}",
        now_head=f"Release {promotion.release.number}",
        changes=[_shown(comparison.row_of(change)) for change in rows],
        unchanged=[*found.unchanged, *same, *policy_same],
        texts=found.texts,
        scores=compared_scores(document, loaded.document),
    )


_DIGEST = re.compile(r"(sha256:[0-9a-f]{6})[0-9a-f]{54}([0-9a-f]{4})")


def _shown(row: dict) -> dict:
    """Return a row with its digests shortened: both in full would leave the names no room."""
    return {name: _DIGEST.sub(r"\1…\2", text) for name, text in row.items()}


#: Parts of a package that are compared as wholes: where they stand, and what to call them.
_WHOLE = (
    ("environment", "stage", "stage gate"),
    ("environment", "jurisdiction", "jurisdiction"),
    ("gate", "effective", "gate"),
    ("use_case", "risk_tier", "risk tier"),
    ("use_case", "data_classification", "data classification"),
)


def _asked(before: dict, now: dict) -> tuple[list[Change], list[str]]:
    """Return what differs in what is asked and judged by, and the names of what does not."""
    found, same = [], []
    for part, name, label in _WHOLE:
        _note(found, same, label, before[part][name], now[part][name])
    gates = [
        ", ".join(f"{one['gate']} v{one['number']}" for one in some["gate"]["versions"])
        for some in (before, now)
    ]
    _note(found, same, "gate versions", *gates)
    regions = [", ".join(some["environment"]["regions"]) for some in (before, now)]
    _note(found, same, "regions of the environment", *regions)
    was, are = ({one["slug"]: one["digest"] for one in some["endpoints"]} for some in (before, now))
    found += _endpoints(was, are)
    if was == are:
        same.append("endpoints")
    return found, same


def _note(found: list[Change], same: list[str], label: str, before: str, now: str) -> None:
    if before == now:
        same.append(label)
    else:
        state = "changed" if before and now else "added" if now else "removed"
        found.append(Change(state, label, before, now))


def _endpoints(before: dict[str, str], now: dict[str, str]) -> list[Change]:
    found = []
    for slug in sorted(before.keys() | now.keys()):
        change = partial(Change, name=f"endpoint {slug}")
        if slug not in before:
            found.append(change("added", before="", after="asked for"))
        elif slug not in now:
            found.append(change("removed", before="asked for", after=""))
        elif before[slug] != now[slug]:
            found.append(change("changed", before=before[slug], after=now[slug]))
    return found


def _policy(before: Promotion, document: dict, loaded: Loaded) -> tuple[list[Change], list[str]]:
    """Return which clauses in force differ, from those that held when the last one was decided."""
    if document["effective_policy"] == loaded.document["effective_policy"]:
        return [], ["policy"]
    release = loaded.promotion.release
    then = effective_policy(release.use_case, before.environment, before.decided_at).clauses
    now = loaded.package.policy.policy.clauses
    found: list[Change] = []
    for key in sorted(then.keys() | now.keys()):
        texts = [held.words if held else "" for held in (then.get(key), now.get(key))]
        _note(found, [], f"policy {key}", *texts)
    # The digest also covers reasons and origins, which say nothing about what is allowed.
    return found or [Change("changed", "policy packs", "", "the same clauses of other packs")], []
