"""What differs between two versions of a model, prompt or policy, or two releases. Pure.

Two canonical documents in, differences out. A part of a document that this does not know of by
name is compared as it is written, so that no difference is passed over in silence.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from registry.policy.comparing import LOOSER, STRICTER, clause_changes, unchanged_clauses

#: What identifies a document, and is expected to differ.
_IDENTITY = {"schema", "number", "template", "use_case", "model", "version", "pack"}
#: Compared word by word elsewhere.
TEXTS = {"text", "card"}

_LABELS = {
    "context_window": "context window",
    "output_limit": "output limit",
    "fine_tuning": "fine-tuning method",
    "retires_on": "retirement date",
    "no_retirement_announced": "retirement",
    "input_modalities": "input",
    "output_modalities": "output",
    "weights_digest": "digest of the weights",
    "base_version": "base version",
    "model_version": "model version",
    "on_call_team": "on-call team",
}
METHODS = {
    "full": "full fine-tune",
    "adapter": "adapter",
    "preference": "preference tuning",
    "distilled": "distillation",
    "quantised": "quantisation",
    "merged": "merge",
}
AUTHORIZATION = {
    "none": "needs no authorisation",
    "user_delegated": "acts for the signed-in user",
    "service_account": "acts as a service account",
    "human_approval": "needs human approval",
}


@dataclass(frozen=True)
class Change:
    """One thing that differs: `state` is changed, added or removed.

    `before` and `after` are words, empty where there was or is nothing; notes stand below them.
    Of policy, `effect` says whether it asks for more; `said` is the line where it has its own.
    """

    state: str
    name: str
    before: str
    after: str
    before_note: str = ""
    after_note: str = ""
    effect: str = ""
    said: str = ""

    @property
    def sentence(self) -> str:
        """The difference on one line, as in “context window 128k → 200k”."""
        if self.said:
            return self.said
        if self.state == "changed":
            return f"{self.name} {self.before} → {self.after}"
        said = self.after if self.state == "added" else self.before
        return f"{self.name} {self.state}" + (f", {said}" if said else "")


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """Return all that differs from one document to another of the same kind.

    Texts are left out: `registry.wording` tells of those.
    """
    found: list[Change] = []
    for part in sorted(before.keys() | after.keys(), key=_rank):
        if part in _IDENTITY or part in TEXTS:
            continue
        old, new = before.get(part), after.get(part)
        if old != new:
            found += _PARTS.get(part, _plain)(part, old, new)
    return found


def unchanged(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Return the names of the parts that are equal and not empty, and of equal clauses."""
    found: list[str] = []
    for part in sorted(before.keys() & after.keys(), key=_rank):
        if part == "clauses":
            found += unchanged_clauses(before[part], after[part])
        elif part not in _IDENTITY and before[part] == after[part] and before[part]:
            found.append(_label(part))
    return found


_ORDER = (
    "clauses",
    "use_cases",
    "model_version",
    "identifier",
    "maker",
    "prompts",
    "tool_grants",
    "parameters",
    "context_window",
    "output_limit",
)


def _rank(part: str) -> tuple[int, str]:
    return (_ORDER.index(part) if part in _ORDER else len(_ORDER), part)


def _label(part: str) -> str:
    return _LABELS.get(part, part.replace("_", " "))


def _one(name: str, old: str, new: str) -> Change:
    state = "changed" if old and new else "added" if new else "removed"
    return Change(state, name, old, new)


def _plain(part: str, old, new) -> Iterable[Change]:
    yield _one(_label(part), _said(old), _said(new))


def _said(value) -> str:
    """Return a value of a document in words; nothing recorded is the empty text."""
    if value is None or value == "" or value == [] or value == {}:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_said(value[name]) or 'none'}" for name in sorted(value))
    if isinstance(value, list):
        return ", ".join(_said(one) or "none" for one in value)
    return str(value)


def _below(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[str, str]:
    """Return the parts in which two parts differ that go by the same words."""
    differ = sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))
    before, after = (
        ", ".join(f"{_label(name)} {_said(one.get(name)) or 'not recorded'}" for name in differ)
        for one in (old, new)
    )
    return before, after


def tokens(number: int | None) -> str:
    """Return a number of tokens as people say it: 128k, 1M, 1.5M, and 131,072 as it is."""
    if not number:
        return ""
    if number >= 1_000_000 and number % 100_000 == 0:
        return f"{number / 1_000_000:g}M"
    return f"{number // 1000}k" if number % 1000 == 0 else f"{number:,}"


def _tokens(part: str, old, new) -> Iterable[Change]:
    yield _one(_label(part), tokens(old), tokens(new))


#: What one of a list is called.
_ONE_OF = {"capabilities": "capability", "variables": "variable"}


def _set(part: str, old, new) -> Iterable[Change]:
    """Two lists of words, of which the order says nothing."""
    old, new, name = old or [], new or [], _ONE_OF.get(part) or _label(part)
    for word in sorted(set(old) | set(new)):
        if word not in old:
            yield Change("added", f"{name} {word}", "", "")
        elif word not in new:
            yield Change("removed", f"{name} {word}", "", "")


def _method(part: str, old, new) -> Iterable[Change]:
    yield _one(_label(part), METHODS.get(old, old or ""), METHODS.get(new, new or ""))


def _retirement(part: str, old, new) -> Iterable[Change]:
    names = {True: "none announced", False: "", None: ""}
    yield _one(_label(part), names[old], names[new])


def _keyed(
    key: Callable[[dict], tuple], name: Callable[[dict], str], said: Callable[[dict], str]
) -> Callable:
    """Return a comparison of two lists of parts that are the same part when their keys agree."""

    def compare(part: str, old, new) -> Iterable[Change]:
        was = {key(one): one for one in old or []}
        now = {key(one): one for one in new or []}
        for which in sorted(was.keys() | now.keys()):
            if which not in was:
                yield Change("added", name(now[which]), "", said(now[which]))
            elif which not in now:
                yield Change("removed", name(was[which]), said(was[which]), "")
            elif was[which] != now[which]:
                before, after = said(was[which]), said(now[which])
                # The words agree: what differs is below them, as a digest recorded later is.
                if before == after:
                    before, after = _below(was[which], now[which])
                yield Change("changed", name(now[which]), before, after)

    return compare


def _prompts(part: str, old, new) -> Iterable[Change]:
    """Prompt versions by template, of which a release may have several."""
    was, now = _by_template(old or []), _by_template(new or [])
    for template in sorted(was.keys() | now.keys()):
        before, after = was.get(template, []), now.get(template, [])
        if before == after:
            continue
        words = [", ".join(f"v{one['number']}" for one in some) for some in (before, after)]
        if words[0] == words[1]:
            pairs = [_below(was, now) for was, now in zip(before, after, strict=True)]
            words = [", ".join(filter(None, some)) for some in zip(*pairs, strict=True)]
        kind = "policy " if any(one.get("kind") == "policy" for one in [*before, *after]) else ""
        yield _one(f"{kind}prompt {template}", *words)


def _by_template(prompts: list[dict]) -> dict[str, list[dict]]:
    found: dict[str, list[dict]] = {}
    for prompt in prompts:
        found.setdefault(prompt["template"], []).append(prompt)
    return found


def _version(part: str, old, new) -> Iterable[Change]:
    before, after = _version_named(old), _version_named(new)
    if before == after:
        before, after = _below(old, new)
    yield _one(_label(part), before, after)


def _version_named(version: Mapping | None) -> str:
    return f"{version['model']} {version['version']}" if version else ""


def _parameters(part: str, old, new) -> Iterable[Change]:
    old, new = old or {}, new or {}
    for name in sorted(old.keys() | new.keys()):
        if old.get(name) != new.get(name):
            yield _one(f"parameter {name}", _said(old.get(name)), _said(new.get(name)))


def _clauses(part: str, old, new) -> Iterable[Change]:
    for one in clause_changes(old or {}, new or {}):
        yield Change(
            one.state,
            one.key,
            one.before,
            one.after,
            one.why_before,
            one.why_after,
            one.effect,
            one.sentence,
        )


def _bound(part: str, old, new) -> Iterable[Change]:
    """Use cases that a policy binds: one more is bound by all of its clauses."""
    old, new = old or [], new or []
    for slug in sorted(set(old) ^ set(new)):
        state, effect = ("added", STRICTER) if slug in new else ("removed", LOOSER)
        name = f"bound use case {slug}"
        said = f"{name} {state}: {effect}"
        yield Change(state, name, "", "", effect=effect, said=said)


_PARTS: dict[str, Callable] = {
    "clauses": _clauses,
    "use_cases": _bound,
    "fine_tuning": _method,
    "context_window": _tokens,
    "output_limit": _tokens,
    "input_modalities": _set,
    "output_modalities": _set,
    "capabilities": _set,
    "variables": _set,
    "no_retirement_announced": _retirement,
    "base_version": _version,
    "model_version": _version,
    "parameters": _parameters,
    "prompts": _prompts,
    "tool_grants": _keyed(
        lambda one: (one["tool"], one["scope"]),
        lambda one: f"tool {one['tool']}.{one['scope']}",
        lambda one: AUTHORIZATION.get(one["authorization"], one["authorization"]),
    ),
    "objectives": _keyed(
        lambda one: (one["metric"], one["window"]),
        lambda one: f"objective {one['metric']} over {one['window']}",
        lambda one: one["objective"],
    ),
    "datasets": _keyed(
        lambda one: (one["role"], one["dataset"], one["version"]),
        lambda one: (
            f"dataset {one['dataset']} {one['version']} for {one['role'].replace('_', '-')}"
        ),
        lambda one: f"{one['classification']}, {one['jurisdiction']}",
    ),
}
