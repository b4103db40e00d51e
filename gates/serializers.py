"""How promotions and decisions are written in answers."""

import json
from dataclasses import asdict

from rest_framework import serializers

from audit import clock
from audit.serializers import Named, RowSerializer, Texts
from gates.approvals import approvals
from gates.conditions import facts_of, with_closings
from gates.models import Condition, GateVersion, Package, PackagePerson, Promotion
from gates.packages import SCHEMA, live
from gates.pages import words
from gates.review import review_facts, sign_offs
from gates.rules import Status, counting
from gates.rules.conditions import state
from gates.talk_serializers import AssignmentSerializer, ThreadSerializer, describe_talk
from registry.serializers import ReleaseNameSerializer
from registry.showing import how


class ReasonSerializer(serializers.Serializer):
    code = serializers.CharField()
    sentence = serializers.CharField()


class OpenConditionSerializer(serializers.Serializer):
    text = serializers.CharField()
    owner = serializers.CharField(help_text="User name of who meets it.")
    due_at = serializers.DateTimeField(help_text="Open by then, it ends the approval.")
    evidence = serializers.CharField(help_text="The kind of evidence that closes it.")
    promotion = serializers.IntegerField()


class DecisionSerializer(serializers.Serializer):
    """Whether a release may run in an environment; anything but `allowed: true` means no."""

    allowed = serializers.BooleanField()
    reasons = ReasonSerializer(many=True)
    release = serializers.CharField(help_text="Digest of the release.")
    environment = serializers.SlugField()
    promotion = serializers.IntegerField(
        allow_null=True,
        help_text="The approval that allows it, and ends last; none where break-glass does.",
    )
    at = serializers.DateTimeField(help_text="The instant the answer is about.")
    expires_at = serializers.DateTimeField(
        allow_null=True, help_text="When the last of what allows it ends, if nothing does before."
    )
    endpoints = serializers.ListField(
        child=serializers.SlugField(), help_text="Serving endpoints that the approvals cover."
    )
    conditions = OpenConditionSerializer(
        many=True, help_text="What the approvals were given on and is not met yet."
    )


class PromotionLineSerializer(RowSerializer):
    release = ReleaseNameSerializer(read_only=True)
    environment = Named()
    requested_by = Named("username")
    decided_package = serializers.CharField(
        source="decided_package.digest", default=None, read_only=True, allow_null=True
    )

    class Meta:
        model = Promotion
        fields = (
            "id",
            "release",
            "environment",
            "state",
            "purpose",
            "wanted_by",
            "requested_by",
            "created_at",
            "submission",
            "submitted_at",
            "decided_at",
            "decided_package",
            "review_at",
        )


class PackageEndpointSerializer(serializers.Serializer):
    slug = serializers.SlugField()
    digest = serializers.CharField()


class PackageGateVersionSerializer(serializers.Serializer):
    gate = serializers.ChoiceField(GateVersion._meta.get_field("gate").choices)
    number = serializers.IntegerField()
    digest = serializers.CharField()


class PackageGateSerializer(serializers.Serializer):
    effective = serializers.ChoiceField(GateVersion._meta.get_field("gate").choices)
    versions = PackageGateVersionSerializer(many=True)
    slots = serializers.ListField(child=serializers.CharField())


class PackageSerializer(RowSerializer):
    """The decided package, or else the one that would be signed now."""

    class Meta:
        model = Package
        fields = ("schema", "digest", "content")


class FindingSerializer(serializers.Serializer):
    code = serializers.CharField()
    gate = serializers.CharField()
    status = serializers.ChoiceField([(status.value, status.value) for status in Status])
    sentence = serializers.CharField()
    fact = serializers.CharField()
    fix = serializers.CharField()
    evidence = serializers.ListField(child=serializers.UUIDField())
    runs = serializers.ListField(child=serializers.IntegerField())
    until = serializers.DateTimeField(allow_null=True)
    waiver = serializers.IntegerField(
        allow_null=True, help_text="The waiver that stands in for it, or did until it ended."
    )


class SignOffSerializer(RowSerializer):
    person = Named("username")
    meaning_sentence = serializers.SerializerMethodField(
        help_text="What the meaning stands for, as the signer read it."
    )
    authentication_sentence = serializers.SerializerMethodField(
        help_text="How the signer showed who they are, in words."
    )
    counts = serializers.BooleanField(
        read_only=True, help_text="Whether it is on the package shown, by somebody still eligible."
    )

    class Meta:
        model = PackagePerson
        fields = (
            "person",
            "printed_name",
            "slot",
            "role",
            "verdict",
            "meaning",
            "meaning_sentence",
            "reason",
            "package_digest",
            "challenge",
            "authentication",
            "authentication_sentence",
            "signed_at",
            "counts",
        )

    def get_meaning_sentence(self, row) -> str:
        return words.meaning(row.verdict, row.meaning)

    def get_authentication_sentence(self, row) -> str:
        return how(row.authentication)


class EndingSerializer(serializers.Serializer):
    code = serializers.CharField()
    sentence = serializers.CharField()
    at = serializers.DateTimeField()


class ApprovalSerializer(serializers.Serializer):
    holds = serializers.BooleanField()
    until = serializers.DateTimeField(help_text="When it ended, or ends at the latest.")
    ended_by = EndingSerializer(many=True)
    endpoints = Texts(source="covered", help_text="Endpoints that are still as approved.")


class ConditionSerializer(serializers.Serializer):
    id = serializers.IntegerField()
    text = serializers.CharField()
    owner = serializers.CharField()
    due_at = serializers.DateTimeField()
    evidence_kind = serializers.CharField(help_text="The kind of evidence that closes it.")
    follows_from = serializers.CharField(
        allow_blank=True, help_text="What taught it, such as “incident 12, follow-up 3”."
    )
    state = serializers.ChoiceField([(one, one) for one in ("open", "closed", "overdue")])


class PromotionSerializer(PromotionLineSerializer):
    """A promotion with its package, findings, signatures and, once approved, how that stands."""

    endpoints = PackageEndpointSerializer(many=True, read_only=True)
    gate = PackageGateSerializer(read_only=True)
    package = PackageSerializer(read_only=True)
    findings = FindingSerializer(many=True, read_only=True, allow_null=True)
    sign_offs = SignOffSerializer(many=True, read_only=True)
    approval = ApprovalSerializer(read_only=True, allow_null=True)
    conditions = ConditionSerializer(many=True, read_only=True, source="said_conditions")
    threads = ThreadSerializer(many=True, read_only=True, source="talk")
    assignments = AssignmentSerializer(many=True, read_only=True, source="assigned")

    class Meta:
        model = Promotion
        fields = (
            *PromotionLineSerializer.Meta.fields,
            "endpoints",
            "gate",
            "package",
            "findings",
            "sign_offs",
            "approval",
            "conditions",
            "threads",
            "assignments",
        )

    def to_representation(self, promotion):
        _describe(promotion)
        describe_talk(promotion)
        return super().to_representation(promotion)


def _describe(promotion: Promotion) -> None:
    """Set on `promotion` what is computed of it, once for all the fields that say it."""
    signed = sign_offs(promotion)
    promotion.findings = promotion.approval = None
    promotion.package = promotion.decided_package
    counted = {
        (one.person_id, one.package_digest)
        for one in signed
        if promotion.package and one.package_digest == promotion.package.digest
    }
    if promotion.package is None:
        now = live(promotion)
        promotion.package = Package(schema=SCHEMA, digest=now.digest, content=now.content)
        if promotion.is_undecided:
            promotion.findings = now.findings
            review = review_facts(promotion, now, signed)
            counted = {(one.person, one.package_digest) for one in counting(review)}
    for one in signed:
        one.counts = (one.person_id, one.package_digest) in counted
    promotion.sign_offs = signed
    shown = promotion.package
    document = json.loads(shown.content)
    promotion.endpoints, promotion.gate = document["endpoints"], document["gate"]
    now = clock.now()
    rows = with_closings(
        Condition.objects.filter(promotion=promotion, sign_off__package_digest=shown.digest)
    )
    promotion.said_conditions = [
        {**asdict(one), "state": state(one, now)} for one in map(facts_of, rows)
    ]
    if promotion.state == Promotion.State.APPROVED:
        [promotion.approval] = approvals(Promotion.objects.filter(pk=promotion.pk))


class ProgressSerializer(serializers.Serializer):
    """One demanded score before and now, as texts that are empty where there is none."""

    name = serializers.CharField(help_text="Suite, version and metric.")
    before = serializers.CharField()
    now = serializers.CharField()
    demanded = serializers.CharField(source="bound", help_text="The threshold in words.")
    word = serializers.CharField(help_text="Better, worse, or under its threshold.")
    chance = serializers.CharField(help_text="Whether chance would do it, by which test.")


class ComparedScoresSerializer(serializers.Serializer):
    before = serializers.IntegerField(
        source="before.pk",
        default=None,
        allow_null=True,
        help_text="The promotion that it is compared with; null for a first release.",
    )
    scores = ProgressSerializer(many=True)
