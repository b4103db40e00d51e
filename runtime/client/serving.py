"""Serving a request: call what was chosen, and what follows it, for as long as policy lets it."""

import socket
import urllib.error
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from runtime import routing

#: Deployments that are called for one request, at most.
MOST_ATTEMPTS = 3


class AnswerBegun(Exception):
    """The first bytes of an answer went to the caller: nothing else may answer now."""


class Refused(Exception):
    """No deployment may or can serve the request; `answer` says why."""

    def __init__(self, answer: Mapping[str, Any]):
        self.answer = answer
        super().__init__(answer["reason"])


def worth_another(failure: Exception) -> bool:
    """Whether the next deployment may be tried after this one failed so.

    Only what says nothing of the request: no answer in time, no connection, 429, and 5xx. A
    refusal of what was asked (4xx, a content filter) would be got round by asking elsewhere.
    """
    if isinstance(failure, urllib.error.HTTPError):
        return failure.code == 429 or failure.code >= 500
    if isinstance(failure, urllib.error.URLError):
        return isinstance(failure.reason, TimeoutError | ConnectionError | socket.gaierror)
    return isinstance(failure, TimeoutError | ConnectionError)


class Serving:
    """What a router does with its decisions; it needs `decide`, `records` and a clock."""

    def serve(
        self,
        given: Mapping[str, Any],
        send: Callable[[Mapping[str, Any], Mapping[str, Any]], Any],
        *,
        most: int = MOST_ATTEMPTS,
    ) -> Any:
        """Return what `send(offer, answer)` returns for the first deployment that serves.

        Each attempt is decided anew, without those that failed: what was suspended meanwhile is
        not called. It is recorded before the call and after it. Raises `Refused`, `SpoolFull`, or
        what the last call raised.
        """
        excluded = sorted(routing.read(given).exclude)
        request, failure = str(uuid.uuid4()), None
        for attempt in range(1, most + 1):
            answer = self.decide({**given, "exclude": excluded})
            record = {"kind": "route", "request": request, "attempt": attempt, **_said(answer)}
            record["facts"] = {**_plain(given), "exclude": excluded}
            classification = self._classification(given)
            self.records.append(record, data_classification=classification)
            if answer["selected"] is None:
                raise failure or Refused(answer)
            begun = self._clock.steady()
            try:
                served = send(answer["selected"], answer)
            except BaseException as error:
                outcome = self._outcome(record, begun)
                outcome |= {"status": "failed", "failure": type(error).__name__}
                self.records.append(outcome, data_classification=classification, admitted=True)
                if not isinstance(error, Exception) or not worth_another(error):
                    raise
                failure = error
                excluded = [*excluded, answer["selected"]["deployment"]]
            else:
                outcome = self._outcome(record, begun) | {"status": "served"}
                self.records.append(outcome, data_classification=classification, admitted=True)
                return served
        raise failure

    def _outcome(self, route: Mapping[str, Any], begun: float) -> dict[str, Any]:
        """Return an attempt's second record; it stands for itself, should the first be late."""
        said = {name: value for name, value in route.items() if name not in ("facts", "reason")}
        return said | {
            "kind": "outcome",
            "at": routing.instant_text(self._clock.now()),
            "latency_ms": round((self._clock.steady() - begun) * 1000),
        }

    def _classification(self, given: Mapping[str, Any]) -> str:
        """Return how closely held the data of a request is; the most so if nothing says it."""
        held = self._held
        route = held.table.snapshot["routes"].get(given["use_case"], {}) if held else {}
        said = given.get("data_classification") or route.get("data_classification")
        return said or routing.CLASSIFICATIONS[-1]


def _said(answer: Mapping[str, Any]) -> dict[str, Any]:
    """Return of an answer what explains it again: the rest follows from snapshot and facts."""
    names = ("engine", "environment", "use_case", "at", "generation", "digest", "status", "reason")
    selected = answer["selected"] or {}
    return {name: answer[name] for name in names} | {
        "deployment": selected.get("deployment"),
        "release": selected["release"]["digest"] if selected else None,
    }


def _plain(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return facts as JSON can say them; sets of words in order."""
    return {
        name: sorted(value) if isinstance(value, set | frozenset) else value
        for name, value in given.items()
    }
