"""Search in the API: what the page finds."""

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from audit import Reason
from audit.api.answers import Answers
from audit.refusals import NotUnderstood
from portal.searching import answered
from registry import search
from registry.models import Retirement


class FoundSerializer(serializers.Serializer):
    """One row that answers the question; `page` is its address in the portal."""

    id = serializers.CharField(source="pk")
    name = serializers.CharField()
    note = serializers.CharField(allow_blank=True)
    state = serializers.ChoiceField(Retirement.State.choices)
    digest = serializers.CharField(allow_blank=True)
    page = serializers.CharField(source="url")


class FoundNounSerializer(serializers.Serializer):
    """What was found of one noun."""

    noun = serializers.CharField()
    found = serializers.IntegerField(help_text=f"Counted up to {search.COUNTED}.")
    beyond = serializers.BooleanField(help_text="There are more than were counted.")
    results = FoundSerializer(source="rows", many=True, help_text=f"The newest {search.SHOWN}.")


class SearchSerializer(serializers.Serializer):
    question = serializers.CharField()
    groups = FoundNounSerializer(many=True)


class SearchView(Answers, APIView):
    """Rows by words of a name, an identifier, a purpose or a prompt, or by the head of a digest.

    Every word has to be found; its beginning is enough. Of a digest, `sha256:` and one digit are
    enough, or the first six digits alone.
    """

    @extend_schema(
        operation_id="search",
        parameters=[
            OpenApiParameter("q", str, required=True, description="Words, or a digest's head.")
        ],
        responses=SearchSerializer,
    )
    def get(self, request):
        text = request.query_params.get("q", "")
        if len(text) > search.LONGEST:
            sentence = f"A question has at most {search.LONGEST} characters."
            raise NotUnderstood(Reason("TOO_LONG", sentence, "q"))
        question = search.read(text)
        if not question.asked:
            sentence = f"Give at least {search.SHORTEST} characters, with letters or digits."
            raise NotUnderstood(Reason("TOO_SHORT", sentence, "q"))
        groups = answered(request.user, question)
        return Response(SearchSerializer({"question": question.text, "groups": groups}).data)

    def parameters(self):
        return frozenset({"q"})
