"""A model card as model hubs have them: YAML settings with a `model-index`, then Markdown. Pure."""

import re
from html import escape
from typing import Any

import yaml

from audit.refusals import NotUnderstood
from evidence.exports.gathering import Told
from evidence.exports.words import instant, score_said, spdx
from evidence.imports import front_matter
from evidence.imports.said import kept

CONTENT_TYPE = "text/markdown; charset=utf-8"
#: What stands below is written anew at every export, so that it is not there twice.
MARK = "<!-- From Gatehouse's record; what stands below this line is written anew each time. -->"
#: Settings of the card on record that nothing here knows better.
OF_THE_CARD = ("language", "library_name", "pipeline_tag", "tags", "license_link")
#: How we say that a version was made from another, as hubs do.
RELATIONS = {"adapter": "adapter", "full": "finetune", "quantised": "quantized", "merged": "merge"}
#: What YAML reads as the number that it is: 010 would be eight.
NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?")
#: What Markdown would take for its own, anywhere and at the beginning of a line.
SPECIAL = re.compile(r"([\\`*_{}\[\]()#!|~])")
FIRST = re.compile(r"^([-+=]|[0-9]+(?=[.)]))")


class _Number(str):
    """A number as its source spells it."""


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data):
        return True  # our own importer reads none, nor do all others


_Dumper.add_representer(
    _Number,
    lambda dumper, text: dumper.represent_scalar(
        f"tag:yaml.org,2002:{'float' if '.' in text else 'int'}", str(text)
    ),
)


def text(told: Told) -> str:
    """Return the card of a version: its settings, its own text, and what is on record."""
    own, settings = _own(told.version.card)
    block = yaml.dump(
        _settings(told, settings), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1000
    )
    parts = [f"---\n{block}---", own.strip() or f"# {escaped(told.version.model.name)}", MARK]
    return "\n\n".join([*parts, *_sections(told)]) + "\n"


def own_settings(card: str) -> dict[str, Any]:
    """Return what the card on record says at its head."""
    return _own(card)[1]


def escaped(words: str) -> str:
    """Return words that somebody typed as one line of Markdown that says just that."""
    # Not every reader takes a backslash before an angle for an escape.
    line = escape(" ".join(words.split()), quote=False)
    return FIRST.sub(
        lambda found: f"&#{ord(found[0][0])};{found[0][1:]}", SPECIAL.sub(r"\\\1", line)
    )


def _own(card: str) -> tuple[str, dict[str, Any]]:
    """Return the card's text and settings; settings that cannot be read are left out."""
    try:
        block, body = front_matter.split(card.replace("\r\n", "\n"), "card")
        settings = front_matter.parsed(block, "card") if block else {}
    except NotUnderstood:
        block, body, settings = "", card, {}
    return body.partition(MARK)[0], kept(settings)


def _settings(told: Told, own: dict[str, Any]) -> dict[str, Any]:
    version = told.version
    found: dict[str, Any] = {}
    if version.licence:
        known = spdx(version.licence).lower().removesuffix("-only")
        found["license"] = known or "other"
        if not known:
            found["license_name"] = version.licence
    if told.base:
        found["base_model"] = [told.base.identifier or str(told.base)]
        if version.fine_tuning in RELATIONS:
            found["base_model_relation"] = RELATIONS[version.fine_tuning]
    trained = [one for one in told.datasets if one.role in ("training", "fine_tuning")]
    if trained:
        slugs = (one.dataset_version.dataset.slug for one in trained)
        found["datasets"] = list(dict.fromkeys(slugs))
    found |= {name: own[name] for name in OF_THE_CARD if name in own}
    if told.scores:
        found["metrics"] = sorted({one.metric.name for one in told.scores})
        found["model-index"] = [
            {"name": version.identifier or version.model.slug, "results": _results(told, own)}
        ]
    return found


def _results(told: Told, own: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the latest figures, those of one run together."""
    by_run: dict[int, list] = {}
    for score in told.scores:
        by_run.setdefault(score.run_id, []).append(score)
    task = own.get("pipeline_tag")
    return [_result(one, task if isinstance(task, str) else "other") for one in by_run.values()]


def _result(scores: list, task: str) -> dict[str, Any]:
    run, item = scores[0].run, scores[0].run.item
    suite = scores[0].metric.suite_version
    standing = item.get_standing_display()
    return {
        "task": {"type": task},
        "dataset": {"type": suite.suite.slug, "name": suite.suite.name, "revision": suite.number},
        "metrics": [_metric(one) for one in scores],
        "source": {
            "name": f"{standing}, vouched for by {item.vouched_by}; {run.source}",
            "url": f"urn:uuid:{item.pk}",
        },
    }


def _metric(score) -> dict[str, Any]:
    value = _Number(score.text) if NUMBER.fullmatch(score.text) else score.text
    unit = score.metric.unit
    name = f"{score.metric.name} ({unit})" if unit else score.metric.name
    # Verified is a hub's word for what it measured itself; who accepted it stands in the text.
    return {"type": score.metric.name, "name": name, "value": value}


def _sections(told: Told) -> list[str]:
    version = told.version
    uses = [(one.stance, one.use_case) for one in told.uses]
    facts = [
        ("Version", version.version),
        ("Identifier", version.identifier),
        ("Maker", version.maker.name if version.maker else ""),
        ("Licence", version.licence),
        ("Context window", version.context_window and f"{version.context_window} tokens"),
        ("Output limit", version.output_limit and f"{version.output_limit} tokens"),
        ("Capabilities", ", ".join(version.capabilities)),
        ("Base version", str(told.base) if told.base else ""),
        ("Retires", version.retires_on and version.retires_on.isoformat()),
        ("Digest of the record", version.digest),
        ("Digest of the weights", version.weights_digest),
        ("As of", instant(told.at)),
    ]
    found = [_section("On record", [f"**{name}:** {escaped(str(v))}" for name, v in facts if v])]
    for stance, heading in (("intended", "Intended uses"), ("disallowed", "Must not be used for")):
        cases = [case for of, case in uses if of == stance]
        lines = [f"**{escaped(one.name)}** {escaped(one.purpose)}".strip() for one in cases]
        found.append(_section(heading, lines))
    found.append(
        _section(
            "Data",
            [
                f"{escaped(str(one.dataset_version))}, {one.get_role_display()}: "
                f"{escaped(one.dataset_version.get_classification_display())} data, "
                f"{escaped(one.dataset_version.jurisdiction)}"
                for one in told.datasets
            ],
        )
    )
    if told.scores:
        found.append(_table(told))
    if told.hidden:
        hidden = [f"{number} {noun} left out" for noun, number in sorted(told.hidden.items())]
        found.append(_section("Not shown to whoever exported it", hidden))
    return [one for one in found if one]


def _section(heading: str, lines: list[str]) -> str:
    return "\n".join([f"## {heading}", "", *(f"- {line}" for line in lines)]) if lines else ""


def _table(told: Told) -> str:
    heads = ("Suite", "Metric", "Value", "Run at", "Standing", "Vouched for by", "Accepted by")
    lines = ["## Evaluation", "", f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}"]
    for score in told.scores:
        said = score_said(score)
        cells = (
            f"{said['suite']} {said['suite_version']}",
            said["metric"],
            f"{said['value']} {said['unit']}",
            said["ran_at"],
            score.run.item.get_standing_display(),
            said["vouched_by"],
            said["accepted_by"],
        )
        lines.append(f"| {' | '.join(escaped(cell) for cell in cells)} |")
    return "\n".join(lines)
