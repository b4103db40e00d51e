"""Packs for machines: what was built, one built and sent at once, and the receipt beside it."""

from django.http import HttpResponse
from django_filters import rest_framework as filters
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.generics import get_object_or_404
from rest_framework.views import APIView

from audit import Reason, receipts
from audit.api.answers import Answers
from audit.api.filters import Number, Words
from audit.api.rows import RowsView
from audit.instants import read_instant
from audit.models import Entry
from audit.refusals import NotAllowed, NotUnderstood
from gates.models import Promotion
from registry.models import Environment
from registry.rights import may
from runtime.packs.asking import period, sent
from runtime.packs.building import Subject, read_as_of, settled
from runtime.packs.models import EvidencePack
from runtime.packs.promotions import WITH
from runtime.packs.transitions import record, team_of

AS_OF = OpenApiParameter(
    "as_of",
    {"type": "string", "format": "date-time"},
    description="What was known then is in it (RFC 3339). Default: now.",
)
PDF = OpenApiParameter(
    "pdf", {"type": "string", "enum": ["true", "false"]}, description="The report as PDF too."
)
WHY = "Asked for by the API."


class EvidencePackSerializer(serializers.Serializer):
    """A pack that was built, as the log names it."""

    id = serializers.IntegerField(source="pk")
    promotion = serializers.IntegerField(source="promotion_id", allow_null=True)
    environment = serializers.SlugField(source="environment.slug", default=None, allow_null=True)
    since = serializers.DateTimeField(allow_null=True, help_text="Where an environment's begins.")
    as_of = serializers.DateTimeField()
    with_pdf = serializers.BooleanField()
    manifest = serializers.CharField(help_text="Digest of its manifest.json.")
    log_size = serializers.IntegerField(help_text="Entries under the checkpoint in it.")
    size = serializers.IntegerField(help_text="Bytes of the archive.")
    files = serializers.IntegerField()
    left_out = serializers.IntegerField(help_text="What it could not hold, and names.")
    built_by = serializers.CharField(source="built_by.username", default=None, allow_null=True)
    built_at = serializers.DateTimeField()


class PackFilters(filters.FilterSet):
    promotion = Number(field_name="promotion", help_text="Number of the promotion.")
    environment = Words("environment__slug", "Slugs of environments.")


class PacksView(RowsView):
    """Evidence packs that were built, newest first: one's own, or all for whoever sees all.

    `receipt/` is the proof that the log records one, which `verify_audit.py` takes.
    """

    model = EvidencePack
    order = ("-pk",)
    lookup_value_regex = r"[0-9]{1,18}"
    serializer_class = EvidencePackSerializer
    row_serializer_class = EvidencePackSerializer
    filterset_class = PackFilters

    def rows(self, visible):
        return visible.select_related("built_by", "environment")

    @extend_schema(filters=False, responses={(200, "text/plain"): OpenApiTypes.STR}, parameters=[])
    @action(detail=True, pagination_class=None, filter_backends=())
    def receipt(self, request, pk: str):
        """The entry that records a pack, with the proof that a signed checkpoint holds it."""
        row = get_object_or_404(EvidencePack.objects.visible_to(request.user), pk=pk)
        seq = Entry.objects.get(row=row.key, event="evidencepack.built").seq
        return receipts.as_file(seq, f"{row.name}.tlog-proof", by_first=True)

    def parameters(self):
        return frozenset() if self.action == "receipt" else super().parameters()


class _PackView(Answers, APIView):
    """Builds a pack and sends it; the header `Evidence-Pack` is the digest of its manifest.

    That it was built is an entry of the log. Asked for again as of the same instant, it has the
    same bytes, and there is no second entry.
    """

    def pack(self, request, subject: Subject, as_of) -> HttpResponse:
        if objections := may(request.user, "build_pack", team_of(subject)):
            raise NotAllowed(objections)
        if request.method == "HEAD":
            # Whether there is one to have; nothing is built for it.
            return HttpResponse(
                content_type="application/zip", headers={"Cache-Control": "no-store"}
            )
        with_pdf = request.query_params.get("pdf") == "true"
        pack = settled(subject, request.user, as_of, with_pdf=with_pdf)
        try:
            row = record(pack, actor=request.user, reason=WHY)
        except BaseException:
            pack.bundle.close()
            raise
        response = sent(pack, row.name)
        response["Link"] = f'</api/v1/packs/{row.pk}/receipt/>; rel="related"'
        return response

    def read(self, request, *names: str) -> dict:
        """Return the instants that are given, and refuse what cannot be read."""
        given, reasons, found = request.query_params, [], dict.fromkeys(names)
        for name in names:
            if name in given:
                found[name], problem = read_instant(given[name])
                if problem:
                    reasons.append(Reason("NOT_AN_INSTANT", problem, name))
        if given.get("pdf", "false") not in ("true", "false"):
            reasons.append(Reason("NOT_A_FLAG", "Give true or false.", "pdf"))
        if reasons:
            raise NotUnderstood(reasons)
        return found


class PromotionPackView(_PackView):
    __doc__ = _PackView.__doc__

    def parameters(self):
        return frozenset({"as_of", "pdf"})

    @extend_schema(
        operation_id="promotion_pack",
        parameters=[AS_OF, PDF],
        responses={(200, "application/zip"): OpenApiTypes.BINARY},
    )
    def get(self, request, pk):
        """An evidence pack of a promotion."""
        rows = Promotion.objects.visible_to(request.user).select_related(*WITH)
        subject = Subject(promotion=get_object_or_404(rows, pk=pk))
        found = self.read(request, "as_of")
        return self.pack(request, subject, read_as_of(found["as_of"]))


class EnvironmentPackView(_PackView):
    __doc__ = _PackView.__doc__

    def parameters(self):
        return frozenset({"since", "as_of", "pdf"})

    @extend_schema(
        operation_id="environment_pack",
        parameters=[
            OpenApiParameter("slug", str, "path", description="Its slug."),
            OpenApiParameter(
                "since",
                {"type": "string", "format": "date-time"},
                required=True,
                description="Where the period begins (RFC 3339); it ends at `as_of`.",
            ),
            AS_OF,
            PDF,
        ],
        responses={(200, "application/zip"): OpenApiTypes.BINARY},
    )
    def get(self, request, slug):
        """An evidence pack of an environment over a period."""
        found = self.read(request, "since", "as_of")
        environment = get_object_or_404(Environment.objects.visible_to(request.user), slug=slug)
        if found["since"] is None:
            sentence = "Say with “since” where the period begins."
            raise NotUnderstood(Reason("NOT_AN_INSTANT", sentence, "since"))
        as_of = read_as_of(found["as_of"])
        period(found["since"], as_of)
        return self.pack(request, Subject(environment=environment, since=found["since"]), as_of)


routes = (("packs", PacksView),)
