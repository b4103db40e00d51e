"""A prompt's text held against the variables it declares. Pure.

A place is written `{{ name }}`. The text is never filled in here: what becomes of its places is
the caller's, who may mark them in another way.
"""

import re
from typing import Any

from audit.refusals import Reason
from registry.rules import list_problem

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")
#: A place, whatever stands in it.
BRACES = re.compile(r"\{\{([^{}\n]{0,200})\}\}")
#: What other notations put around a name: {name}, ${name}, <name>, [name], $name, %(name)s.
OTHER_PLACE = re.compile(r"(?<!\{)\$?\{[ ]?([A-Za-z_][A-Za-z0-9_]{0,99})[ ]?\}(?!\})")
MARKS = r"[{\[<$%(@#]\s*"
#: Variables of one prompt; each is looked for in the whole text.
MOST = 100
#: Names of one kind that a sentence lists before it counts the rest.
LISTED = 10


def problems(text: str, variables: Any) -> list[Reason]:
    """Return what is certainly wrong: no version is made of such a text.

    A place that nothing is declared for would reach the model as it stands.
    """
    problem = list_problem(variables)
    if not problem and len(variables) > MOST:
        problem = f"Declare at most {MOST} variables."
    if problem:
        return [Reason("VARIABLES", problem, "variables")]
    reasons = [
        Reason(
            "VARIABLE_NAME",
            f"“{name}” is not a name: use letters, digits and underscores.",
            "variables",
        )
        for name in variables
        if not NAME.fullmatch(name)
    ]
    return reasons + [
        Reason(
            "VARIABLE_UNDECLARED",
            f"Used but undeclared: {name}. The text has a place for it; list it as a variable.",
            "variables",
        )
        for name in sorted(_places(text) - set(variables))
    ]


def warnings(text: str, variables: list[str]) -> list[Reason]:
    """Return what may be meant so: it is said before a version is made, and on its page."""
    unused = [name for name in variables if not _marked(name, text)]
    reasons = [
        Reason("VARIABLE_UNUSED", _unused(name, text), "variables") for name in unused[:LISTED]
    ]
    if more := unused[LISTED:]:
        reasons.append(
            Reason("VARIABLE_UNUSED", f"Declared but unused: {len(more)} more.", "variables")
        )
    others = sorted({*OTHER_PLACE.findall(text)} - set(variables) - _places(text))
    if others:
        sentence = (
            f"Perhaps a place, but undeclared: {_listed(others)}. If it is filled in, declare it."
        )
        reasons.append(Reason("VARIABLE_PERHAPS", sentence, "text"))
    odd = sorted({inside.strip() for inside in BRACES.findall(text)} - _places(text))
    if odd:
        sentence = (
            f"In braces, but no name of a variable: {_listed(odd)}. A place is {{{{ name }}}}."
        )
        reasons.append(Reason("PLACE_UNREADABLE", sentence, "text"))
    return reasons


def _places(text: str) -> set[str]:
    """Return the names that stand in places."""
    return {name for inside in BRACES.findall(text) if NAME.fullmatch(name := inside.strip())}


def _marked(name: str, text: str) -> bool:
    return bool(re.search(rf"{MARKS}{re.escape(name)}(?![A-Za-z0-9_])", text))


def _unused(name: str, text: str) -> str:
    if re.search(rf"(?<![A-Za-z0-9_]){re.escape(name)}(?![A-Za-z0-9_])", text):
        return f"Declared but unused: {name}. It stands in the text as a word, not as a place."
    return f"Declared but unused: {name}. The text has no place for it."


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - LISTED} more" if names[LISTED:] else ""
    return ", ".join(name or "nothing" for name in names[:LISTED]) + more
