"""The `model-index` of a model card, by the reader that imports cards too. Pure."""

import re
from collections import Counter

from audit.refusals import NotUnderstood
from evidence.imports import cards
from evidence.readers.result import Broken, Figure, Report, Result
from evidence.readers.source import Source

TOOL = "model-card"
#: Settings by which front matter is known as that of a model card.
_KEYS = re.compile(
    r"^(?:license|license_name|language|tags|model-index|model_name|base_model|datasets|metrics"
    r"|pipeline_tag|library_name|co2_eq_emissions)[ \t]*:",
    re.MULTILINE,
)


def claims(source: Source) -> bool:
    """Whether the file begins with settings that model cards have."""
    if not source.head.startswith(("---\n", "---\r\n")):
        return False
    settings = re.split(r"^---[ \t]*\r?$", source.head[3:], maxsplit=1, flags=re.MULTILINE)[0]
    return _KEYS.search(settings) is not None


def read(source: Source) -> Result:
    """Return the figures of all results; a card does not say what their units are."""
    try:
        said = cards.read(source.text(cards.LARGEST), name="the card")
    except NotUnderstood as refused:
        raise Broken(str(refused).replace("“the card”", "the card")) from None
    version = said.models[0].versions[0]
    report = Report(TOOL)
    for sentence in said.warnings:
        report.warn(sentence)
    told = [(run.suite, score) for run in version.runs for score in run.scores]
    often = Counter((suite, score.metric, score.filter) for suite, score in told)
    for suite, score in told:
        kind = score.filter
        if often[suite, score.metric, kind] > 1:
            kind = ", ".join(filter(None, (kind, score.subset)))
        report.add(
            suite,
            score.metric,
            Figure(score.text),
            kind=kind,
            subset=score.subset,
            unit=score.unit,
        )
    if report.scores:
        report.warn(
            "A card does not say whether its figures are fractions or per cent. Confirm the unit "
            "of each before it is recorded."
        )
    report.subject = version.identifier
    report.details = {
        "license": version.licence,
        "base_model": list(version.bases),
        "datasets": [data.name for data in version.data],
        "sources": sorted({run.source for run in version.runs if run.config.get("source")}),
        **version.details,
    }
    return report.close("The card has no model-index with a figure.")
