"""A question about a route, as an address asks it: lists with commas, an instant, no guessing."""

from collections.abc import Mapping
from datetime import datetime

from audit import Reason
from audit.instants import read_instant
from runtime.routing import Facts, NotAQuestion, read

#: The facts that are lists of words.
LISTS = ("regions", "tools", "capabilities", "exclude")
#: Names of the deployments that do not answer: `health`, as an address says it.
UNHEALTHY = "unhealthy"
PARAMETERS = frozenset({"environment", "at", "data_classification", "tokens", UNHEALTHY, *LISTS})
#: Characters of a number of tokens.
LONGEST_NUMBER = 12


def read_facts(given: Mapping[str, str], use_case: str) -> tuple[Facts | None, list[Reason]]:
    """Return the facts that the parameters of an address state, or what is wrong with them."""
    facts: dict = {"use_case": use_case}
    for name in LISTS:
        if words := _listed(given.get(name, "")):
            facts[name] = words
    facts["health"] = dict.fromkeys(_listed(given.get(UNHEALTHY, "")), False)
    if given.get("data_classification"):
        facts["data_classification"] = given["data_classification"]
    tokens = given.get("tokens", "").strip()
    if tokens:
        if not (tokens.isascii() and tokens.isdigit() and len(tokens) <= LONGEST_NUMBER):
            sentence = "Give a whole number of tokens, 0 or more."
            return None, [Reason("NOT_A_FACT", sentence, "tokens")]
        facts["tokens"] = int(tokens)
    try:
        return read(facts), []
    except NotAQuestion as problem:
        return None, [Reason("NOT_A_FACT", problem.sentence, problem.field)]


def _listed(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def read_past(text: str, now: datetime) -> tuple[datetime | None, list[Reason]]:
    """Return a past instant, None for now, or why the text is neither."""
    if not text:
        return None, []
    at, problem = read_instant(text)
    if not problem and at > now:
        problem = "This instant lies in the future. Leave it out to ask about now."
    if problem:
        return None, [Reason("NOT_AN_INSTANT", problem, "at")]
    return at, []
