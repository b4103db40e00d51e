"""What records have in common and name many things by, kept once and found by each of them.

A record names several prompt versions, and by one digest a policy that several packs make. An index
over lists would be another on each database; so each different list is a row, and a record has its
key.
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from audit.rules import canonical, digest
from runtime.records.models import Bundle, BundleMember, RequestRecord


def digest_of(prompts: Iterable[str]) -> str:
    """Return the digest of a list of prompt versions, whatever its order."""
    return _digest_of(tuple(sorted(set(prompts))))


@lru_cache(maxsize=1024)
def _digest_of(prompts: tuple[str, ...]) -> str:
    return digest(canonical(list(prompts)))


def tie(rows: list[dict[str, Any]], packs: Mapping[str, tuple[str, ...]]) -> None:
    """Give each record the keys of its bundles, within the transaction that keeps it.

    `packs` are the pack versions of each policy whose snapshot is known; of another policy nobody
    can say what made it.
    """
    wanted: dict[str, Iterable[str]] = {}
    for row in rows:
        if row["prompts"]:
            wanted[digest_of(row["prompts"])] = row["prompts"]
        if row["policy_digest"] in packs:
            wanted[row["policy_digest"]] = packs[row["policy_digest"]]
    keys = _keys(wanted)
    for row in rows:
        row["prompt_bundle_id"] = keys[digest_of(row["prompts"])] if row["prompts"] else None
        row["policy_bundle_id"] = keys.get(row["policy_digest"])


def _keys(wanted: Mapping[str, Iterable[str]]) -> dict[str, int]:
    known = Bundle.objects.filter(digest__in=wanted)
    keys = dict(known.values_list("digest", "pk"))
    new = sorted(wanted.keys() - keys.keys())
    if not new:
        return keys
    # Another batch may bring the same: whoever is second waits, and finds it.
    Bundle.objects.bulk_create((Bundle(digest=one) for one in new), ignore_conflicts=True)
    keys = dict(known.values_list("digest", "pk"))
    BundleMember.objects.bulk_create(
        (BundleMember(bundle_id=keys[one], name=name) for one in new for name in set(wanted[one])),
        ignore_conflicts=True,
    )
    return keys


def holding(names: Iterable[str]) -> list[int]:
    """Return the keys of the bundles that hold one of `names`."""
    rows = BundleMember.objects.filter(name__in=list(names))
    return list(rows.values_list("bundle", flat=True).distinct().order_by("bundle"))


def digests() -> dict[int, str]:
    """Return the digest of every bundle, by its key."""
    return dict(Bundle.objects.values_list("pk", "digest"))


def fits(row: RequestRecord, known: Mapping[int, str]) -> bool:
    """Whether a record is found by what it names; of a policy nobody may know what made it."""
    prompts = digest_of(row.prompts) if row.prompts else None
    policy = row.policy_digest if row.policy_bundle_id is not None else None
    return (known.get(row.prompt_bundle_id), known.get(row.policy_bundle_id)) == (prompts, policy)
