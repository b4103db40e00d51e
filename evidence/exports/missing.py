"""What an export cannot say, in words: what is not recorded yet, and what is recorded nowhere."""

from dataclasses import dataclass

from evidence.exports import cards
from evidence.exports.gathering import Told
from registry.completeness import Fact, facts_of_release, facts_of_version


@dataclass(frozen=True)
class Gap:
    """One field of the format that is empty: why, and where that is mended, if it can be."""

    field: str
    sentence: str
    fix: str = ""
    url: str = ""


#: Where the facts of the checklist stand in a bill of materials, and in a card's settings.
IN_BOM = {
    "identifier": "component.properties gatehouse:model:identifier",
    "maker": "component.supplier",
    "licence": "component.licenses",
    "context_window": "component.properties gatehouse:model:context-window",
    "output_limit": "component.properties gatehouse:model:output-limit",
    "modalities": "modelCard.modelParameters.inputs and outputs",
    "capabilities": "component.properties gatehouse:model:capability",
    "lineage": "component.pedigree",
    "datasets": "modelCard.modelParameters.datasets",
    "retirement": "component.properties gatehouse:model:retires-on",
    "intended_use": "modelCard.considerations.useCases",
    "region": "services.properties gatehouse:endpoint:region:processing",
    "endpoints": "services",
    "served_release_id": "services.properties gatehouse:endpoint:served-release-id",
    "objectives": "component.properties gatehouse:release:objective",
    "on_call": "component.properties gatehouse:release:on-call",
    "runbook": "component.externalReferences",
}
IN_CARD = {
    "licence": "license",
    "maker": "Maker",
    "context_window": "Context window",
    "lineage": "base_model",
    "datasets": "datasets",
    "intended_use": "Intended uses",
    "card": "the text of the card",
    "retirement": "Retires",
}
#: Fields that this record has no place for: they can only be told in the text of the card.
NOWHERE_IN_BOM = {
    "modelCard.modelParameters.approach": "how the model learnt",
    "modelCard.modelParameters.task": "its task",
    "modelCard.modelParameters.architectureFamily": "its architecture",
    "modelCard.considerations.ethicalConsiderations": "ethical considerations",
    "modelCard.considerations.fairnessAssessments": "fairness assessments",
    "modelCard.considerations.performanceTradeoffs": "performance trade-offs",
    "modelCard.considerations.environmentalConsiderations": "what it costs the environment",
}
OF_THE_CARD = {
    "language": "The card on record does not say its language.",
    "pipeline_tag": "The card on record does not say its task.",
    "library_name": "The card on record does not say by which library it is run.",
}


def of_bom(told: Told, reader) -> list[Gap]:
    """Return what the bill of materials lacks."""
    facts = (
        facts_of_release(told.release, reader=reader)
        if told.release is not None
        else facts_of_version(told.version, reader)
    )
    gaps = _from_facts(facts, IN_BOM)
    if told.version is not None:
        if not told.version.weights_digest:
            gaps.append(Gap("component.hashes", "No digest of the weights is recorded."))
        gaps += _of_scores(told, "modelCard.quantitativeAnalysis")
        gaps += [
            Gap(name, f"Not recorded as a field: {words}. The model card's text may tell of it.")
            for name, words in NOWHERE_IN_BOM.items()
        ]
        if told.version.card.strip():
            gaps.append(
                Gap("modelCard", "The text of the card is not in it: export the card beside it.")
            )
    return gaps + _hidden(told)


def of_card(told: Told, reader) -> list[Gap]:
    """Return what the model card lacks."""
    gaps = _from_facts(facts_of_version(told.version, reader), IN_CARD)
    gaps += _of_scores(told, "model-index")
    own = cards.own_settings(told.version.card)
    gaps += [Gap(name, sentence) for name, sentence in OF_THE_CARD.items() if name not in own]
    if told.version.licence and not cards.spdx(told.version.licence):
        gaps.append(
            Gap(
                "license",
                f"“{told.version.licence}” is no licence that hubs know: it goes out as “other” "
                "with its name.",
            )
        )
    return gaps + _hidden(told)


def _from_facts(facts: list[Fact], places: dict[str, str]) -> list[Gap]:
    return [
        Gap(places[fact.code], f"Not recorded: {fact.label.lower()}.", fact.fix, fact.url)
        for fact in facts
        if not fact.known and fact.code in places
    ]


def _of_scores(told: Told, field: str) -> list[Gap]:
    if told.scores:
        return []
    return [
        Gap(
            field,
            "No score counts yet.",
            "Give a complete run, and have somebody else accept it.",
        )
    ]


def _hidden(told: Told) -> list[Gap]:
    return [
        Gap("", f"{number} {noun}{'s' if number > 1 else ''} that you may not see left out.")
        for noun, number in sorted(told.hidden.items())
    ]
