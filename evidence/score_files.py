"""Scores from one of the files that a pipeline brings: read before anything is recorded.

What the page asks a person, a pipeline says beforehand; what it does not say is taken only where
a figure bears the name of a registered metric, and no unit is guessed.
"""

import hashlib
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, BinaryIO

from audit import Reason, Refused
from audit.fields import parse_document
from audit.instants import read_instant
from evidence import matching, rules
from evidence.matching import Choice
from evidence.models import EvaluationRun
from evidence.readers.result import Outcome, Result
from evidence.reading import read_brought
from evidence.reading_forms import named_targets, newest_targets

SAYS = ("file", "unit", "metrics", "ran_at")
REMEDY = 'Give “scores” as one JSON object, such as {"unit": "fraction"}; {} takes what is known.'
MOST_METRICS = 150


class BeingRead(Refused):
    """The file is not read to its end yet; the same sent again finds what came of it."""

    status = 503


@dataclass(frozen=True)
class Wanted:
    """What a pipeline says of the scores: everything may be left out."""

    file: str = ""
    unit: str = ""
    metrics: Mapping[str, str] = field(default_factory=dict)
    ran_at: datetime | None = None


def wanted(text: str) -> tuple[Wanted | None, str]:
    """Return what a text says is wanted, or what is wrong with it."""
    try:
        said = parse_document(text)
    except ValueError:
        said = None
    if not isinstance(said, dict):
        return None, REMEDY
    if unknown := sorted(set(said) - set(SAYS)):
        return None, f"“scores” has no “{unknown[0][:100]}”. It takes {', '.join(SAYS)}."
    metrics = said.get("metrics", {})
    if not isinstance(metrics, dict) or not all(isinstance(one, str) for one in metrics.values()):
        return None, "In “scores”, map each figure to the name of a metric, or leave metrics out."
    if len(metrics) > MOST_METRICS:
        return None, f"In “scores”, map {MOST_METRICS} figures at most; give the rest as a CSV."
    texts = {name: said.get(name, "") for name in ("file", "unit", "ran_at")}
    if not all(isinstance(one, str) for one in texts.values()):
        return None, "In “scores”, file, unit and ran_at are texts."
    instant = texts.pop("ran_at")
    ran_at, problem = read_instant(instant) if instant else (None, "")
    return Wanted(**texts, metrics=metrics, ran_at=ran_at), problem and f"ran_at: {problem}"


def runs_of(asked: Wanted, files: Sequence, actor) -> list[dict]:
    """Return the runs that one of the files holds, as `give` takes them.

    Raises `Refused` with every reason why they cannot be given, and `BeingRead`.
    """
    file = _chosen(asked, files)
    if getattr(file, "error", None) or getattr(getattr(file, "part", None), "is_too_large", False):
        # The item is refused for the file itself.
        return []
    name, sha256 = rules.clean_name(file.name or ""), sha256_of(file)
    result = read_brought(_opened(file), sha256, name)
    if result is None:
        sentence = f"“{name}” is still being read. Send the same again in a minute."
        raise BeingRead(Reason("BEING_READ", sentence, "scores"))
    if result.outcome not in (Outcome.OK, Outcome.PARTIAL):
        raise Refused(Reason("NO_SCORES", f"“{name}”: {result.message}", "scores"))
    choices, reasons = _choices(asked, result, actor)
    ran_at = asked.ran_at or read_instant(result.created or "")[0]
    if ran_at is None:
        sentence = f"“{name}” does not say when it ran, with a zone. Say “ran_at” in “scores”."
        reasons.append(Reason("RAN_AT_OPEN", sentence))
    reasons = reasons or matching.judge(result, choices)
    if reasons:
        raise Refused([Reason(one.code, one.sentence, "scores") for one in reasons])
    version = result.details.get("version")
    partial = result.outcome is Outcome.PARTIAL
    whole = EvaluationRun.Completeness
    about = {
        "ran_at": ran_at,
        "source": f"{result.tool} {version}"[:200] if version else result.tool,
        "completeness": whole.PARTIAL if partial else whole.COMPLETE,
    }
    return matching.runs_of(result, choices, file=name, sha256=sha256, about=about)


def sha256_of(file) -> str:
    """Return the digest of an upload's bytes, which are hashed as they come, or of a file's."""
    if part := getattr(file, "part", None):
        return part.sha256
    hashed = hashlib.sha256()
    for chunk in file.chunks():
        hashed.update(chunk)
    return hashed.hexdigest()


def _chosen(asked: Wanted, files: Sequence) -> Any:
    names = [rules.clean_name(file.name or "") for file in files]
    if not asked.file and len(files) == 1:
        return files[0]
    found = [file for file, name in zip(files, names, strict=True) if name == asked.file]
    if len(found) == 1:
        return found[0]
    listed = ", ".join(f"“{name}”" for name in names) or "none"
    sentence = f"Say in “scores” which file is read, one of those that are brought: {listed}."
    raise Refused(Reason("FILE_OPEN", sentence, "scores"))


def _opened(file) -> BinaryIO:
    """Return the bytes as an open file of their own: they are read on when the request has gone."""
    if part := getattr(file, "part", None):
        return part.path.open("rb")
    copy = tempfile.TemporaryFile()  # noqa: SIM115 - closed by who reads it
    for chunk in file.chunks():
        copy.write(chunk)
    copy.seek(0)
    return copy


def _choices(asked: Wanted, result: Result, actor) -> tuple[list[Choice], list[Reason]]:
    """Return which metric each figure is, and every reason why that cannot be said."""
    if not asked.metrics:
        found = matching.suggested(result, newest_targets(actor))
        return [Choice(place, target, asked.unit) for place, target in found.items()], []
    targets = named_targets(actor, set(asked.metrics.values()))
    places = {score.name: place for place, score in enumerate(result.scores)}
    choices, reasons = [], []
    for figure, metric in asked.metrics.items():
        if figure not in places:
            sentence = f"The file has no figure “{figure[:100]}”; read_evidence lists them."
            reasons.append(Reason("FIGURE_UNKNOWN", sentence))
        elif metric not in targets:
            sentence = f"There is no metric “{metric[:100]}”; name one such as “boolq v1 acc”."
            reasons.append(Reason("METRIC_UNKNOWN", sentence))
        else:
            choices.append(Choice(places[figure], targets[metric], asked.unit))
    return choices, reasons
