"""How evidence is written in answers. Files are named with their digests, never handed out here."""

from rest_framework import serializers

from audit.serializers import Named, RowSerializer
from evidence.models import EvaluationRun, EvidenceFile, EvidenceItem, RunAcceptance, Score
from evidence.models import Withdrawal as WithdrawalRow
from evidence.safety import Safety
from registry.models import ScoreDemand
from registry.serializers import ReleaseNameSerializer, VersionNameSerializer


class WithdrawalSerializer(RowSerializer):
    withdrawn_by = Named("username")

    class Meta:
        model = WithdrawalRow
        fields = ("withdrawn_by", "withdrawn_at", "reason")


class ItemLineSerializer(RowSerializer):
    """An item speaks from `created_at` until it is withdrawn or `expires_at` is reached."""

    release = ReleaseNameSerializer(read_only=True, allow_null=True)
    version = VersionNameSerializer(read_only=True, allow_null=True)
    author = Named("username")
    replaces = serializers.PrimaryKeyRelatedField(read_only=True, allow_null=True)
    withdrawal = serializers.SerializerMethodField()

    class Meta:
        model = EvidenceItem
        fields = (
            "id",
            "kind",
            "release",
            "version",
            "title",
            "verdict",
            "standing",
            "vouched_by",
            "author",
            "created_at",
            "expires_at",
            "replaces",
            "withdrawal",
            "digest",
        )

    def get_withdrawal(self, item) -> WithdrawalSerializer(allow_null=True):
        withdrawal = getattr(item, "withdrawal", None)
        return withdrawal and WithdrawalSerializer(withdrawal).data


class FileSerializer(RowSerializer):
    """`scan` says what came of the newest scan; only `passed` and `not_scanned` are handed out."""

    digest = serializers.CharField(read_only=True)
    scan = serializers.ChoiceField(
        [(one.value, one.value) for one in Safety], source="safety", read_only=True
    )

    class Meta:
        model = EvidenceFile
        fields = ("name", "size", "content_type", "digest", "scan")


class AcceptanceSerializer(RowSerializer):
    accepted_by = Named("username")

    class Meta:
        model = RunAcceptance
        fields = ("accepted_by", "accepted_at", "reason")


class RunLineSerializer(RowSerializer):
    """A run; it counts, for or against, once it is complete and accepted."""

    item = serializers.PrimaryKeyRelatedField(read_only=True)
    suite = serializers.SlugField(source="suite_version.suite.slug", read_only=True)
    suite_version = serializers.IntegerField(source="suite_version.number", read_only=True)
    release = ReleaseNameSerializer(source="item.release", read_only=True, allow_null=True)
    version = VersionNameSerializer(source="item.version", read_only=True, allow_null=True)
    given_by = Named("username")
    acceptance = serializers.SerializerMethodField()

    class Meta:
        model = EvaluationRun
        fields = (
            "id",
            "item",
            "suite",
            "suite_version",
            "release",
            "version",
            "completeness",
            "ran_at",
            "source",
            "given_by",
            "created_at",
            "acceptance",
        )

    def get_acceptance(self, run) -> AcceptanceSerializer(allow_null=True):
        acceptance = getattr(run, "acceptance", None)
        return acceptance and AcceptanceSerializer(acceptance).data


class IntervalSerializer(serializers.Serializer):
    """Bounds as the source spells them; `level` is a part of 1, or empty where it is not said."""

    low = serializers.CharField(read_only=True)
    high = serializers.CharField(read_only=True)
    level = serializers.CharField(read_only=True)


class ScoreSerializer(RowSerializer):
    """`text` is the source's own spelling and what rules judge; `value` is it as a number."""

    metric = Named("name")
    unit = serializers.CharField(source="metric.unit", read_only=True)
    higher_is_better = serializers.BooleanField(source="metric.higher_is_better", read_only=True)
    interval = serializers.SerializerMethodField()

    class Meta:
        model = Score
        fields = (
            "metric",
            "unit",
            "higher_is_better",
            "filter",
            "subset",
            "value",
            "text",
            "stderr",
            "samples",
            "interval",
        )

    def get_interval(self, score) -> IntervalSerializer(allow_null=True):
        return IntervalSerializer(score).data if score.low else None


class RunSerializer(RunLineSerializer):
    config = serializers.DictField(read_only=True)
    scores = ScoreSerializer(many=True, read_only=True)

    class Meta:
        model = EvaluationRun
        fields = (*RunLineSerializer.Meta.fields, "config", "scores")


class ItemSerializer(ItemLineSerializer):
    answers = serializers.DictField(read_only=True)
    files = FileSerializer(many=True, read_only=True)
    runs = serializers.PrimaryKeyRelatedField(many=True, read_only=True)
    replaced_by = serializers.SerializerMethodField()

    class Meta:
        model = EvidenceItem
        fields = (
            *ItemLineSerializer.Meta.fields,
            "answers",
            "files",
            "runs",
            "replaced_by",
            "content",
        )

    def get_replaced_by(self, item) -> serializers.UUIDField(allow_null=True):
        newer = getattr(item, "replaced_by", None)
        return newer and str(newer.pk)


class LatestScoreSerializer(ScoreSerializer):
    """The score that counts for a metric, with the run and the item it stands in."""

    suite = serializers.SlugField(source="metric.suite_version.suite.slug", read_only=True)
    suite_version = serializers.IntegerField(source="metric.suite_version.number", read_only=True)
    of = serializers.ChoiceField(
        (("release", "the release itself"), ("version", "its model version")),
        read_only=True,
        help_text="What was measured.",
    )
    run = serializers.IntegerField(source="run_id", read_only=True)
    item = serializers.UUIDField(source="run.item_id", read_only=True)
    ran_at = serializers.DateTimeField(source="run.ran_at", read_only=True)
    source = serializers.CharField(source="run.source", read_only=True)
    expires_at = serializers.DateTimeField(source="run.item.expires_at", read_only=True)

    class Meta:
        model = Score
        fields = (
            "suite",
            "suite_version",
            *ScoreSerializer.Meta.fields,
            "of",
            "run",
            "item",
            "ran_at",
            "source",
            "expires_at",
        )


class ScoreDemandSerializer(RowSerializer):
    use_case = Named()
    suite_version = serializers.IntegerField(source="metric.suite_version.number", read_only=True)

    class Meta:
        model = ScoreDemand
        fields = ("use_case", "suite_version", "threshold")


class PointSerializer(ScoreSerializer):
    """The score that counts for one version: its own, or else that of a release made with it."""

    version = VersionNameSerializer(read_only=True)
    release = ReleaseNameSerializer(source="run.item.release", read_only=True, allow_null=True)
    suite_version = serializers.IntegerField(source="metric.suite_version.number", read_only=True)
    run = serializers.IntegerField(source="run_id", read_only=True)
    item = serializers.UUIDField(source="run.item_id", read_only=True)
    ran_at = serializers.DateTimeField(source="run.ran_at", read_only=True)

    class Meta:
        model = Score
        fields = (
            "version",
            "release",
            "suite_version",
            *("value", "text", "stderr", "samples", "interval"),
            *("run", "item", "ran_at"),
        )


class SeriesSerializer(serializers.Serializer):
    """One metric over versions, and what use cases demand of it, the strictest first."""

    suite = serializers.SlugField(read_only=True)
    metric = serializers.CharField(read_only=True)
    unit = serializers.CharField(read_only=True)
    higher_is_better = serializers.BooleanField(read_only=True)
    demands = ScoreDemandSerializer(many=True, read_only=True)
    scores = PointSerializer(many=True, read_only=True)
