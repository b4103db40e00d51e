"""The effective policy in the API: the same clauses as its page."""

import re

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.generics import get_object_or_404
from rest_framework.response import Response
from rest_framework.views import APIView

from audit import Reason, clock
from audit.api.answers import Answers
from audit.instants import read_instant
from audit.refusals import NotUnderstood
from audit.rules import instant_text
from registry import serializers
from registry.api import SLUG
from registry.effective import effective_policy
from registry.models import (
    Environment,
    UseCase,
)


class EffectivePolicyView(Answers, APIView):
    """The policy for a use case in an environment: every clause, its packs, and who is overruled.

    The SHA-256 of `content` is `digest`, which packages and decisions name.
    """

    @extend_schema(
        operation_id="effective_policy",
        parameters=[
            OpenApiParameter("use_case", str, required=True, description="Its slug."),
            OpenApiParameter("environment", str, required=True, description="Its slug."),
            OpenApiParameter(
                "at",
                {"type": "string", "format": "date-time"},
                description="A past instant (RFC 3339); what was published then counts.",
            ),
        ],
        responses=serializers.EffectivePolicySerializer,
    )
    def get(self, request):
        given = request.query_params
        names, reasons = {}, []
        for name, noun in (("use_case", "a use case"), ("environment", "an environment")):
            names[name] = given.get(name, "")
            if not re.fullmatch(SLUG, names[name]):
                reasons.append(Reason("NOT_A_SLUG", f"Give the slug of {noun}.", name))
        at, now = None, clock.now()
        if "at" in given:
            at, problem = read_instant(given["at"])
            if not problem and at > now:
                problem = "This instant lies in the future. Leave it out to ask about now."
            if problem:
                reasons.append(Reason("NOT_AN_INSTANT", problem, "at"))
        if reasons:
            raise NotUnderstood(reasons)
        user = request.user
        use_case = get_object_or_404(UseCase.objects.visible_to(user), slug=names["use_case"])
        environments = Environment.objects.visible_to(user)
        environment = get_object_or_404(environments, slug=names["environment"])
        policy = effective_policy(use_case, environment, at)
        answer = {
            "use_case": use_case.slug,
            "environment": environment.slug,
            "at": instant_text(at) if at else None,
            "digest": policy.digest,
            "packs": list(policy.packs),
            "clauses": policy.document["clauses"],
            "content": policy.content,
        }
        return Response(answer)

    def parameters(self):
        return frozenset({"use_case", "environment", "at"})
