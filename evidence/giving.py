"""Evidence as a pipeline or a command gives it: named texts and files, brought once for each key.

What is said is read here for both; whether it may be given is the verb's to judge.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from audit import Reason, Refused
from audit.fields import parse_document
from audit.instants import read_instant
from audit.refusals import Conflict, NotAllowed, NotUnderstood
from audit.rules import canonical, digest
from evidence import rules, transitions
from evidence.models import Delivery, EvidenceItem
from evidence.score_files import Wanted, runs_of, sha256_of, wanted
from registry import rights
from registry.models import ModelVersion, Release, Team

NEEDED = ("kind", "title", "verdict", "vouched_by")
#: Field -> what it is, in the words of the API's description.
FIELDS = {
    "release": "Digest of the sealed release it is about; or `version`.",
    "version": "Id of the sealed model version it is about, or `<model>/<version>`.",
    "kind": "Kind of evidence.",
    "title": "What people will call it.",
    "verdict": "How it came out: `pass`, `fail` or `noted`.",
    "standing": "`self_reported`, `internal` (if left out) or `independent`.",
    "vouched_by": "The person or body that stands behind it.",
    "answers": "The kind's questions answered: a JSON object, by key.",
    "expires_at": "When it ends, if before the life of its kind: an instant such as "
    "2026-03-01T12:00:00Z.",
    "replaces": "Id of the earlier item that this one supersedes.",
    "scores": "What to take from one of the files, a JSON object; `{}` takes each figure that "
    "bears the name of a registered metric. `file` names the file if there are several, `metrics` "
    'maps figures to metrics as in {"boolq acc none": "boolq v1 acc"}, `unit` confirms the unit of '
    "figures that say none, and `ran_at` says when it ran if the file does not.",
    "reason": "Becomes part of the record.",
}
REASON = "Given by a pipeline."

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_NAMED = re.compile(r"([a-z0-9_-]{1,60})/([A-Za-z0-9_-]{1,60})")
_NUMBER = re.compile(r"[0-9]{1,18}")
_KEY = re.compile(r"[\x21-\x7e]{1,200}")
#: More than these help nobody.
MOST_REASONS = 20


class NotThere(Refused):
    """What something is about is not there, or not to be seen."""

    status = 404


@dataclass(frozen=True)
class Given:
    """What was said, as the arguments of `give`, and as it was said."""

    values: dict[str, Any]
    reason: str
    texts: dict[str, str]
    #: What is to be read from one of the files, if anything is.
    wanted: Wanted | None = None


def read(texts: Mapping[str, str], *, actor, team: Team | None = None) -> Given:
    """Return what named texts say; `team` is the one that the giver may give evidence for.

    Raises `NotUnderstood` for what cannot be read, `NotThere` for a subject that the giver does
    not see, `NotAllowed` for one of another team.
    """
    said = {name: text.strip() for name, text in texts.items()}
    reasons = [*_unread(said)]
    parsed: dict[str, Any] = {}
    parsers = {"answers": _answers, "expires_at": _instant, "replaces": _item, "scores": wanted}
    for name, parse in parsers.items():
        if said.get(name):
            parsed[name], problem = parse(said[name])
            if problem:
                reasons.append(Reason("NOT_READ", problem, name))
    if reasons:
        raise NotUnderstood(reasons[:MOST_REASONS])
    subject = _subject(said, actor, team)
    scores = parsed.pop("scores", None)
    values = {
        **{name: said[name] for name in NEEDED},
        "release" if isinstance(subject, Release) else "version": subject,
        "standing": said.get("standing") or EvidenceItem.Standing.INTERNAL,
        **parsed,
    }
    return Given(values, said.get("reason") or REASON, said, scores)


def give_once(given: Given, files: Iterable, *, key: str, actor) -> tuple[EvidenceItem, bool]:
    """Give an item, or return the one that was given under the same key; and whether it is new.

    Raises `Conflict` when the key stands for something else, and what `give` raises.
    """
    files = list(files)
    if not key:
        return _give(given, files, None, actor), True
    if not _KEY.fullmatch(key):
        sentence = "An idempotency key is 1 to 200 visible characters of ASCII. Give such a one."
        raise NotUnderstood(Reason("KEY_NOT_VALID", sentence, "Idempotency-Key"))
    body = _body_digest(given, files)
    if earlier := _delivered(key, body, actor):
        return earlier, False
    try:
        delivery = Delivery(idempotency_key=key, body_digest=body)
        return _give(given, files, delivery, actor), True
    except Refused:
        # Sent twice at once: the other one was first.
        if earlier := _delivered(key, body, actor):
            return earlier, False
        raise


def _give(given: Given, files: list, delivery: Delivery | None, actor) -> EvidenceItem:
    runs = runs_of(given.wanted, files, actor) if given.wanted else ()
    return transitions.give(
        **given.values, files=files, runs=runs, delivery=delivery, actor=actor, reason=given.reason
    )


def _delivered(key: str, body: str, actor) -> EvidenceItem | None:
    earlier = (
        Delivery.objects.filter(given_by=actor.pk, idempotency_key=key)
        .select_related("item")
        .first()
    )
    if earlier and earlier.body_digest != body:
        sentence = "This key was used for something else. Give each item a key of its own."
        raise Conflict(Reason("KEY_USED", sentence, "Idempotency-Key"))
    return earlier and earlier.item


def _body_digest(given: Given, files: list) -> str:
    brought = [[rules.clean_name(file.name or ""), sha256_of(file)] for file in files]
    return digest(canonical({"texts": given.texts, "files": brought}))


# Reading


def _unread(said: Mapping[str, str]) -> Iterable[Reason]:
    for name, text in said.items():
        if name not in FIELDS:
            sentence = f"There is no field “{name[:100]}”. It takes {', '.join(FIELDS)} and files."
            yield Reason("FIELD_UNKNOWN", sentence, name[:100])
        elif not rules.is_storable(text):
            sentence = f"“{name}” has characters that cannot be kept. Take them out."
            yield Reason("NOT_STORABLE", sentence, name)
    for name in NEEDED:
        if not said.get(name):
            yield Reason("MISSING", f"“{name}” is missing. Give it.", name)


def _answers(text: str) -> tuple[Any, str]:
    try:
        answers = parse_document(text)
    except ValueError:
        answers = None
    if isinstance(answers, dict):
        return answers, ""
    remedy = 'without NaN and without a key twice, such as {"method": "Two testers."}.'
    return None, f"Give “answers” as one JSON object, {remedy}"


def _instant(text: str) -> tuple[Any, str]:
    return read_instant(text)


def _item(text: str) -> tuple[Any, str]:
    try:
        return UUID(text), ""
    except ValueError:
        return None, "Give “replaces” as the id of an evidence item."


def _subject(said: Mapping[str, str], actor, team: Team | None) -> Release | ModelVersion:
    release, version = said.get("release", ""), said.get("version", "")
    if bool(release) == bool(version):
        sentence = "Name a release or a model version, one of them."
        raise NotUnderstood(Reason("ONE_SUBJECT", sentence, "release"))
    if release:
        found, name = _release(release, actor), "release"
    else:
        found, name = _version(version, actor), "version"
    if found is None:
        sentence = f"There is no such {name} that you may see. Check how it is written."
        raise NotThere(Reason("NOT_THERE", sentence, name))
    if team is not None and rights.team_of(found).pk != team.pk:
        sentence = f"This token gives evidence for the team {team} alone. Use one of the owner's."
        raise NotAllowed(Reason("OTHER_TEAM", sentence, name))
    return found


def _release(text: str, actor) -> Release | None:
    if not _DIGEST.fullmatch(text):
        sentence = "Give the release's digest: sha256: and 64 figures from 0 to f."
        raise NotUnderstood(Reason("NOT_A_DIGEST", sentence, "release"))
    seen = Release.objects.visible_to(actor).select_related("use_case__team")
    return seen.filter(digest=text).first()


def _version(text: str, actor) -> ModelVersion | None:
    seen = ModelVersion.objects.visible_to(actor).select_related("model__team")
    if _NUMBER.fullmatch(text):
        return seen.filter(pk=int(text)).first()
    if named := _NAMED.fullmatch(text):
        return seen.filter(model__slug=named[1], version=named[2]).first()
    sentence = "Give the version's id, or its model and version, such as claims-llm/3."
    raise NotUnderstood(Reason("NOT_A_VERSION", sentence, "version"))
