"""Routes for any OpenFeature SDK: the OpenFeature Remote Evaluation Protocol, version 1.

A flag is a use case with a route in the environment of the token, the context holds the facts of
the request, and the value says where the request goes. That nothing may serve it is a value too,
not an error: an SDK answers an error with a default, which would be a way round policy.
"""

import json
import re
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import Any

from django.http import HttpResponse, HttpResponseNotModified
from django.utils.http import parse_etags
from drf_spectacular.utils import extend_schema
from rest_framework import exceptions
from rest_framework.permissions import BasePermission
from rest_framework.views import APIView

from audit import clock
from audit.fields import parse_document
from registry.models import ApiToken, Environment
from runtime.models import Snapshot
from runtime.routing import Facts, NotAQuestion, Table, encode, read
from runtime.snapshot_api import active_in

#: Bytes of a request; facts are few.
LARGEST = 64 * 1024
#: What an SDK adds by itself and no route depends on.
IGNORED = frozenset({"targetingKey"})


class MayRoute(BasePermission):
    """A token of scope `router`: it is bound to the one environment that it may route in."""

    def has_permission(self, request, view) -> bool:
        token = request.auth
        if token is None:
            return False
        if token.scope == ApiToken.Scope.ROUTER:
            return True
        raise exceptions.PermissionDenied(
            f"This token has the scope {token.scope}; routing takes one of scope router. "
            "An administrator issues one."
        )


class NotEvaluated(Exception):
    """The request cannot be read; `code` is one of OpenFeature's."""

    def __init__(self, code: str, sentence: str):
        self.code, self.sentence = code, sentence
        super().__init__(sentence)


@dataclass(frozen=True)
class Active:
    """What is active in an environment, ready to be asked."""

    generation: int
    digest: str
    table: Table
    #: By deployment: the prompts that it is called with.
    prompts: dict[str, list[dict[str, Any]]]

    def flag(self, facts: Facts) -> dict[str, Any]:
        """Return the evaluation of one flag: of the use case that the facts name."""
        answer = self.table.decide(
            facts, clock.now(), generation=self.generation, digest=self.digest
        )
        offers = [one for one in (answer["selected"], *answer["fallbacks"]) if one]
        candidates = answer["candidates"]
        codes = Counter(
            reason["code"] for one in candidates["refused"] for reason in one["reasons"]
        )
        first = self._offer(offers[0]) if offers else dict.fromkeys(NOTHING)
        return {
            "key": facts.use_case,
            "reason": "TARGETING_MATCH" if offers else "DISABLED",
            "variant": f"{facts.use_case}-{first['release']['number']}" if offers else "refused",
            "value": {
                "status": answer["status"],
                "reason": answer["reason"],
                "retryable": answer["retryable"],
                **first,
                "fallbacks": [self._offer(one) for one in offers[1:]],
            },
            # Only texts, numbers and truths may stand here.
            "metadata": {
                "environment": answer["environment"],
                "generation": self.generation,
                "digest": self.digest,
                "engine": answer["engine"],
                "status": answer["status"],
                "reason": answer["reason"],
                "retryable": answer["retryable"],
                "candidates": candidates["total"],
                "eligible": candidates["eligible"],
                "codes": ",".join(f"{code}={codes[code]}" for code in sorted(codes)),
                "fallbacks": ",".join(one["deployment"] for one in offers[1:]),
            },
        }

    def _offer(self, offer: dict[str, Any]) -> dict[str, Any]:
        return {
            "deployment": offer["deployment"],
            "release": offer["release"],
            "endpoint": offer["endpoint"],
            "model": offer["model"],
            "prompts": self.prompts[offer["deployment"]],
            "parameters": offer["parameters"],
            "not_after": offer["not_after"],
        }


#: What an offer says, of nothing.
NOTHING = ("deployment", "release", "endpoint", "model", "prompts", "parameters", "not_after")


def active(environment: Environment, position: int) -> Active:
    """Return what is active in an environment; between changes, one look in memory."""
    found = active_in(environment, position)
    return Active(found.generation, found.digest, *_table(found.digest))


@lru_cache(maxsize=32)
def _table(digest: str) -> tuple[Table, dict[str, list[dict[str, Any]]]]:
    """Return a snapshot ready to be asked; a digest never stands for another."""
    snapshot = json.loads(Snapshot.objects.values_list("content", flat=True).get(digest=digest))
    prompts = {one["name"]: one["prompts"] for one in snapshot["deployments"]}
    return Table(snapshot), prompts


class Evaluating(APIView):
    """What evaluating one flag and evaluating all have in common."""

    http_method_names = ("post", "options")
    permission_classes = (MayRoute,)

    def context(self) -> dict[str, Any]:
        """Return the facts that the body's context states. Raises `NotEvaluated`."""
        request = self.request._request
        if request.content_type != "application/json":
            raise NotEvaluated("PARSE_ERROR", "Send the context as application/json.")
        if len(request.body) > LARGEST:
            raise NotEvaluated("PARSE_ERROR", f"Send {LARGEST} bytes at most.")
        try:
            said = parse_document(request.body.decode() or "{}")
        except ValueError:
            raise NotEvaluated("PARSE_ERROR", "The body is no JSON that can be read.") from None
        context = said.get("context", {}) if isinstance(said, dict) else None
        if not isinstance(context, dict):
            raise NotEvaluated("INVALID_CONTEXT", "The context is an object of facts.")
        if "use_case" in context:
            raise NotEvaluated("INVALID_CONTEXT", "The flag names the use case; leave it out here.")
        return {name: fact for name, fact in context.items() if name not in IGNORED}

    def facts(self, use_case: str, context: dict[str, Any]) -> Facts:
        try:
            return read({"use_case": use_case, **context})
        except NotAQuestion as problem:
            sentence = f"{problem.field}: {problem.sentence}"
            raise NotEvaluated("INVALID_CONTEXT", sentence) from None

    def active(self) -> Active:
        return active(self.request.auth.environment, self.request.position)


@extend_schema(exclude=True)
class EvaluateView(Evaluating):
    """Where a request of one use case goes."""

    def post(self, request, key):
        found = self.active()
        if key not in found.table.snapshot["routes"]:
            environment = found.table.snapshot["environment"]["slug"]
            return _failed("FLAG_NOT_FOUND", f"{environment} has no such route.", key, 404)
        try:
            return _answered(encode(found.flag(self.facts(key, self.context()))))
        except NotEvaluated as problem:
            return _failed(problem.code, problem.sentence, key)


@extend_schema(exclude=True)
class EvaluateAllView(Evaluating):
    """Where requests with these facts go, for each use case that has a route."""

    def post(self, request):
        found = self.active()
        try:
            context = self.context()
            routes = sorted(found.table.snapshot["routes"])
            # Read once more than there are routes: where there is none, they may be wrong too.
            self.facts("any", context)
            flags = [found.flag(self.facts(use_case, context)) for use_case in routes]
        except NotEvaluated as problem:
            return _failed(problem.code, problem.sentence)
        body = encode({"flags": flags})
        tag = f'"{sha256(body).hexdigest()[:32]}"'
        held = {
            re.sub("^W/", "", one) for one in parse_etags(request.headers.get("If-None-Match", ""))
        }
        answer = HttpResponseNotModified() if tag in held else _answered(body)
        answer["ETag"] = tag
        answer["Cache-Control"] = "private, no-cache"
        return answer


def _answered(body: bytes, status: int = 200) -> HttpResponse:
    headers = {"Cache-Control": "no-store"}
    return HttpResponse(body, status=status, content_type="application/json", headers=headers)


def _failed(code: str, sentence: str, key: str | None = None, status: int = 400) -> HttpResponse:
    # Half a character out of a context is not to be said back.
    said = {"errorCode": code, "errorDetails": sentence.encode(errors="replace").decode()}
    return _answered(encode(said if key is None else {"key": key, **said}), status)
