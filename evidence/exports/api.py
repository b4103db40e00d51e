"""The same for tools: the files in their own media types, and what they lack as JSON."""

from django.http import Http404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.generics import get_object_or_404
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.response import Response
from rest_framework.views import APIView

from audit.api.answers import Answers
from evidence.exports import cards, cyclonedx, missing
from evidence.exports.gathering import Told, of_release, of_version
from evidence.exports.pages import RELEASE, VERSION
from registry.models import ModelVersion, Release


class GapSerializer(serializers.Serializer):
    """One empty field: `fix` and `url` say where it is filled, where it can be."""

    field = serializers.CharField(read_only=True)
    sentence = serializers.CharField(read_only=True)
    fix = serializers.CharField(read_only=True)
    url = serializers.CharField(read_only=True)


class LackingSerializer(serializers.Serializer):
    """What each export lacks, by its format; a format that is not offered is not named."""

    cyclonedx = GapSerializer(many=True, read_only=True)
    card = GapSerializer(many=True, read_only=True, required=False)


class BomRenderer(BaseRenderer):
    media_type = cyclonedx.MEDIA_TYPE
    format = "cyclonedx"
    charset = None

    def render(self, data, accepted_media_type=None, renderer_context=None):
        return data


class BomAsJsonRenderer(BomRenderer):
    """The same bytes for whoever accepts JSON alone."""

    media_type = "application/json"
    format = "json"


class CardRenderer(BomRenderer):
    media_type = "text/markdown"
    format = "markdown"


class BomView(Answers, APIView):
    """A CycloneDX 1.6 bill of materials; the same state of the record gives the same bytes."""

    renderer_classes = (BomRenderer, BomAsJsonRenderer)

    def document(self, pk: int) -> dict:
        """Return the bill of materials of the row of that key."""
        raise NotImplementedError

    @extend_schema(responses={(200, cyclonedx.MEDIA_TYPE): OpenApiTypes.OBJECT})
    def get(self, request, pk):
        content = cyclonedx.written(self.document(pk))
        return Response(content, content_type=cyclonedx.CONTENT_TYPE)


class LackingView(Answers, APIView):
    """What the exports of a row lack, each field with where it is filled."""

    renderer_classes = (JSONRenderer,)

    def lacking(self, pk: int) -> dict:
        """Return the gaps of the row of that key, by format."""
        raise NotImplementedError

    @extend_schema(responses=LackingSerializer)
    def get(self, request, pk):
        return Response(LackingSerializer(self.lacking(pk)).data)


class OfVersion:
    """Of a model version."""

    def told(self, pk: int) -> Told:
        rows = ModelVersion.objects.visible_to(self.request.user).select_related(*VERSION)
        return of_version(
            get_object_or_404(rows.defer("content"), pk=key_of(pk)), self.request.user
        )


class OfRelease:
    """Of a release."""

    def told(self, pk: int) -> Told:
        rows = Release.objects.visible_to(self.request.user).select_related(*RELEASE)
        return of_release(
            get_object_or_404(rows.defer("content"), pk=key_of(pk)), self.request.user
        )


def key_of(pk: int) -> int:
    if pk >= 10**18:
        raise Http404
    return pk


class VersionBomView(OfVersion, BomView):
    def document(self, pk):
        return cyclonedx.bom(self.told(pk))


class ReleaseBomView(OfRelease, BomView):
    def document(self, pk):
        return cyclonedx.bom(self.told(pk))


class VersionCardView(OfVersion, Answers, APIView):
    """A model card with `model-index`; the same state of the record gives the same bytes."""

    renderer_classes = (CardRenderer,)

    @extend_schema(responses={(200, "text/markdown"): OpenApiTypes.STR})
    def get(self, request, pk):
        return Response(cards.text(self.told(pk)).encode(), content_type=cards.CONTENT_TYPE)


class VersionLackingView(OfVersion, LackingView):
    def lacking(self, pk):
        told, reader = self.told(pk), self.request.user
        return {
            "cyclonedx": missing.of_bom(told, reader),
            "card": missing.of_card(told, reader),
        }


class ReleaseLackingView(OfRelease, LackingView):
    def lacking(self, pk):
        return {"cyclonedx": missing.of_bom(self.told(pk), self.request.user)}
