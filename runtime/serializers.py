"""How what runs and how it routes is written in answers."""

from rest_framework import serializers


class ReleaseNamedSerializer(serializers.Serializer):
    number = serializers.IntegerField()
    digest = serializers.CharField()


class AgainstSerializer(serializers.Serializer):
    """One reason against a deployment; `clause`, `value` and `packs` where policy says it."""

    code = serializers.CharField()
    sentence = serializers.CharField()
    clause = serializers.CharField(allow_null=True)
    value = serializers.JSONField(help_text="Null where no clause says it.")
    packs = serializers.ListField(child=serializers.CharField())
    remedy = serializers.CharField()


class RunningSerializer(serializers.Serializer):
    name = serializers.CharField()
    use_case = serializers.SlugField()
    release = ReleaseNamedSerializer()
    model = serializers.CharField()
    endpoint = serializers.SlugField()
    host = serializers.SlugField()
    priority = serializers.IntegerField()
    not_after = serializers.DateTimeField(
        allow_null=True, help_text="When its approval ends; null if none covers it."
    )
    refused = AgainstSerializer(many=True, help_text="What stands against it for any request.")


class ActiveSerializer(serializers.Serializer):
    """One generation of an environment, and what it offers."""

    environment = serializers.SlugField()
    at = serializers.DateTimeField(allow_null=True, help_text="The past instant asked about.")
    generation = serializers.IntegerField()
    snapshot = serializers.CharField(help_text="Digest of the snapshot.")
    since = serializers.DateTimeField()
    cause = serializers.CharField()
    restored = serializers.IntegerField(
        allow_null=True, help_text="The generation that a rollback put back."
    )
    by = serializers.CharField()
    reason = serializers.CharField()
    deployments = RunningSerializer(many=True)
    hidden = serializers.IntegerField(help_text="Deployments that the caller may not see.")


class OfferedEndpointSerializer(serializers.Serializer):
    slug = serializers.SlugField()
    address = serializers.CharField(help_text="Empty where the caller may not see the parts.")
    host = serializers.CharField(help_text="Empty where the caller may not see the parts.")


class OfferedModelSerializer(serializers.Serializer):
    slug = serializers.SlugField()
    version = serializers.CharField()
    identifier = serializers.CharField()


class OfferSerializer(serializers.Serializer):
    deployment = serializers.CharField()
    release = ReleaseNamedSerializer()
    endpoint = OfferedEndpointSerializer()
    model = OfferedModelSerializer()
    parameters = serializers.DictField()
    priority = serializers.IntegerField()
    not_after = serializers.DateTimeField(allow_null=True)


class FallbackSerializer(OfferSerializer):
    code = serializers.CharField()


class RefusedSerializer(serializers.Serializer):
    deployment = serializers.CharField()
    reasons = AgainstSerializer(many=True)


class HiddenSerializer(serializers.Serializer):
    """Refused candidates whose model or endpoint the caller may not see, counted by code."""

    refused = serializers.IntegerField()
    codes = serializers.DictField(child=serializers.IntegerField())


class CandidatesSerializer(serializers.Serializer):
    total = serializers.IntegerField()
    eligible = serializers.IntegerField()
    refused = RefusedSerializer(many=True)
    hidden = HiddenSerializer()


class PromptNamedSerializer(serializers.Serializer):
    template = serializers.SlugField()
    kind = serializers.CharField()
    number = serializers.IntegerField()
    digest = serializers.CharField()


class RouteSerializer(serializers.Serializer):
    """Where a request goes; anything but `status: routed` means nowhere."""

    engine = serializers.CharField()
    environment = serializers.SlugField(allow_null=True)
    use_case = serializers.SlugField()
    at = serializers.DateTimeField()
    generation = serializers.IntegerField()
    digest = serializers.CharField(help_text="Digest of the snapshot.")
    status = serializers.ChoiceField(["routed", "refused", "error"])
    reason = serializers.CharField()
    retryable = serializers.BooleanField()
    headline = serializers.CharField()
    lead = serializers.CharField(allow_blank=True)
    selected = OfferSerializer(allow_null=True)
    fallbacks = FallbackSerializer(many=True)
    prompts = PromptNamedSerializer(many=True)
    candidates = CandidatesSerializer()
