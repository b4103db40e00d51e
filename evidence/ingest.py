"""Where pipelines bring evidence: `POST /ingest/v1/evidence/`."""

from django.conf import settings
from django.utils.cache import patch_vary_headers
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import exceptions
from rest_framework.parsers import MultiPartParser
from rest_framework.permissions import BasePermission
from rest_framework.response import Response
from rest_framework.throttling import SimpleRateThrottle
from rest_framework.views import APIView

from audit import Reason
from audit.api.answers import parameter_problems
from audit.refusals import NotUnderstood
from evidence import giving, serializers
from evidence.api import EvidenceView
from evidence.kinds import KINDS
from evidence.models import EvidenceItem
from registry.models import ApiToken

ANSWERED = "The item as `GET /api/v1/evidence/<id>/` says it."


class MayGive(BasePermission):
    """A token of scope `evidence`."""

    def has_permission(self, request, view) -> bool:
        token = request.auth
        if token is None:
            return False
        if token.scope == ApiToken.Scope.EVIDENCE:
            return True
        raise exceptions.PermissionDenied(
            f"This token has the scope {token.scope}; giving evidence takes one of scope "
            "evidence. An administrator issues one."
        )


class PerToken(SimpleRateThrottle):
    """So many items of one token in a time; each process counts its own."""

    def get_rate(self):
        return settings.EVIDENCE_INGEST_RATE

    def get_cache_key(self, request, view):
        return f"ingest-evidence:{request.auth.pk}"


def _body() -> dict:
    texts = {
        name: {"type": "string", "description": about} for name, about in giving.FIELDS.items()
    }
    texts["kind"]["enum"] = list(KINDS)
    texts["verdict"]["enum"] = EvidenceItem.Verdict.values
    texts["standing"]["enum"] = EvidenceItem.Standing.values
    texts["reason"]["default"] = giving.REASON
    files = {
        "type": "array",
        "items": {"type": "string", "contentMediaType": "application/octet-stream"},
        "description": "Any number of files, each in a part of its own named `files`.",
    }
    return {
        "type": "object",
        "required": list(giving.NEEDED),
        "properties": {**texts, "files": files},
        "additionalProperties": False,
    }


class GiveView(APIView):
    """Giving one evidence item, whole."""

    http_method_names = ("post", "options")
    permission_classes = (MayGive,)
    parser_classes = (MultiPartParser,)
    throttle_classes = (PerToken,)

    @extend_schema(
        operation_id="give_evidence",
        parameters=[
            OpenApiParameter(
                "Idempotency-Key",
                str,
                OpenApiParameter.HEADER,
                description="A name of your own for this item. Sent again with the same body it "
                "answers 200 with the item that there is; with another body, 409.",
            )
        ],
        request={"multipart/form-data": _body()},
        responses={200: serializers.ItemSerializer, 201: serializers.ItemSerializer},
    )
    def post(self, request):
        """Give one evidence item about a release or model version of the token's team.

        It is sealed from the moment it is answered with 201. The answer is the item as
        `GET /api/v1/evidence/<id>/` says it.
        """
        given = giving.read(_texts(request), actor=request.user, team=request.auth.team)
        item, is_new = giving.give_once(
            given,
            request.FILES.getlist("files"),
            key=request.headers.get("Idempotency-Key", ""),
            actor=request.user,
        )
        row = EvidenceView().row(EvidenceItem.objects.filter(pk=item.pk)).get()
        answer = Response(serializers.ItemSerializer(row).data, 201 if is_new else 200)
        answer["Location"] = f"/api/v1/evidence/{item.pk}/"
        return answer

    def initial(self, request, *args, **kwargs):
        super().initial(request, *args, **kwargs)
        if reasons := parameter_problems(request.query_params, frozenset()):
            raise NotUnderstood(reasons)

    def finalize_response(self, request, response, *args, **kwargs):
        response = super().finalize_response(request, response, *args, **kwargs)
        patch_vary_headers(response, ("Authorization",))
        response["Cache-Control"] = "no-store"
        return response


def _texts(request) -> dict[str, str]:
    """Return the texts of the form. Raises `NotUnderstood` for what stands twice or elsewhere."""
    request.data  # noqa: B018 - the body is read here
    reasons = [
        Reason("FIELD_TWICE", f"“{name[:100]}” is given twice. Give it once.", name[:100])
        for name, values in request.POST.lists()
        if len(values) > 1
    ]
    reasons += [
        Reason("FILES_NAMED_SO", "Send files in parts that are named `files`.", name[:100])
        for name in request.FILES
        if name != "files"
    ]
    if reasons:
        raise NotUnderstood(reasons[: giving.MOST_REASONS])
    return request.POST.dict()
