"""The API's description: what every operation has in common, and where it is read."""

from http import HTTPStatus

from drf_spectacular import renderers
from drf_spectacular.utils import extend_schema
from rest_framework.authentication import SessionAuthentication
from rest_framework.permissions import IsAuthenticated
from rest_framework.response import Response
from rest_framework.views import APIView

from audit.api.answers import Answers
from config.problems import CONTENT_TYPE
from portal.api_docs import description
from registry.authentication import TokenAuthentication

PROBLEM = {
    "type": "object",
    "description": "What went wrong (RFC 9457), with every reason where there are several.",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "code", "sentence"],
                "properties": {
                    "field": {"type": "string", "description": "The parameter; may be empty."},
                    "code": {"type": "string"},
                    "sentence": {"type": "string"},
                },
            },
        },
    },
}
#: Status -> what it means on every address.
PROBLEMS = {
    400: "A parameter is unknown, missing or cannot be read; each is named.",
    401: "There is no token, or it is unknown, ended or revoked.",
    403: "The token's scope or its owner's roles do not reach this far.",
    404: "There is nothing here that the token's owner may see.",
    405: "This address is only read: GET, HEAD and OPTIONS.",
    406: "Answers are JSON.",
    429: "Too many requests; `Retry-After` says when to ask again.",
    500: "It failed here. For a decision this means no.",
    503: "It is too busy; `Retry-After` says when to ask again. For a decision this means no.",
}
#: What differs on an address where something is given.
PROBLEMS_OF_GIVING = {
    403: "The token's scope or team, or its owner's roles, do not reach this far.",
    404: "What it is about is not there, or not the token's owner's to see.",
    405: "This address only takes POST.",
    409: "The idempotency key stands for something else, or somebody else was first.",
    413: "The body, a file, or all files together are too large.",
    415: "The body is not of the type that is taken here.",
    422: "It was understood and is refused; every reason is named with its field.",
    507: "There is no room for it. Nothing was recorded.",
}
#: An answer that is never kept has no ETag to ask by.
NEVER_KEPT = ("decision", "route_explain", "drill", "rollback_targets", "rollback_dry_run")


def add_what_all_share(result, generator, request, public):
    """Describe the problems of every operation, and ETags of those that read."""
    components = result["components"]
    components["schemas"]["Problem"] = PROBLEM
    responses = components.setdefault("responses", {})
    for operations in result["paths"].values():
        for method, operation in operations.items():
            reads = method == "get"
            if reads and operation["operationId"] not in NEVER_KEPT:
                _describe_etag(operation)
            problems = PROBLEMS if reads else PROBLEMS | PROBLEMS_OF_GIVING
            for status, meaning in problems.items():
                name = _name(status) + "WhenGiving" * (PROBLEMS.get(status) != meaning)
                responses[name] = {
                    "description": meaning,
                    "content": {CONTENT_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
                }
                operation["responses"][str(status)] = {"$ref": f"#/components/responses/{name}"}
    return result


def _describe_etag(operation) -> None:
    operation.setdefault("parameters", []).append(
        {
            "name": "If-None-Match",
            "in": "header",
            "description": "ETag of the answer that the caller holds.",
            "schema": {"type": "string"},
        }
    )
    operation["responses"]["200"]["headers"] = {
        "ETag": {"description": "Taken over the bytes of the body.", "schema": {"type": "string"}}
    }
    operation["responses"]["304"] = {"description": "The caller holds these very bytes."}


#: Statuses that Python's versions call differently.
NAMES = {413: "TooLarge", 422: "Refused"}


def _name(status: int) -> str:
    if status in NAMES:
        return NAMES[status]
    return "".join(word.capitalize() for word in HTTPStatus(status).phrase.split())


@extend_schema(exclude=True)
class SchemaView(Answers, APIView):
    """The description of the API (OpenAPI 3.1): YAML, or JSON with `Accept: application/json`.

    Read with any token, or signed in to the portal.
    """

    authentication_classes = (TokenAuthentication, SessionAuthentication)
    permission_classes = (IsAuthenticated,)
    renderer_classes = (
        renderers.OpenApiYamlRenderer,
        renderers.OpenApiYamlRenderer2,
        renderers.OpenApiJsonRenderer,
        renderers.OpenApiJsonRenderer2,
    )

    def get(self, request):
        return Response(description())
