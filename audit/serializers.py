"""How rows are written in answers."""

from rest_framework import serializers

from audit.fields import DocumentField
from audit.models import Entry


class RowSerializer(serializers.ModelSerializer):
    """Fields of a row, all to be read only; documents come as they are stored."""

    serializer_field_mapping = {
        **serializers.ModelSerializer.serializer_field_mapping,
        DocumentField: serializers.JSONField,
    }

    def get_attribute(self, instance):
        """Return nothing for a row that another one names and the caller may not see."""
        if self.source in getattr(instance, "unseen", ()):
            return None
        return super().get_attribute(instance)

    def get_extra_kwargs(self):
        names = {name: {"read_only": True} for name in self.Meta.fields}
        return {**names, **super().get_extra_kwargs()}


class Named(serializers.SlugRelatedField):
    """The name of a row that a foreign key points at; `by` is the field with the name."""

    def __init__(self, by: str = "slug", **kwargs):
        super().__init__(slug_field=by, read_only=True, **kwargs)

    def bind(self, field_name, parent):
        super().bind(field_name, parent)
        self.allow_null = parent.Meta.model._meta.get_field(self.source).null


class Texts(serializers.ListField):
    """A list of texts."""

    child = serializers.CharField()

    def __init__(self, **kwargs):
        super().__init__(read_only=True, **kwargs)


class ChangeSerializer(serializers.Serializer):
    id = serializers.UUIDField()
    number = serializers.IntegerField()
    at = serializers.DateTimeField()
    actor = serializers.CharField(source="actor_name")
    reason = serializers.CharField()


class EntrySerializer(RowSerializer):
    """One entry; SHA-256 over a zero byte and `body` gives `leaf`."""

    leaf = serializers.SerializerMethodField()
    change = ChangeSerializer(read_only=True)

    class Meta:
        model = Entry
        fields = ("seq", "event", "row", "about", "change", "body", "leaf")

    def get_leaf(self, entry) -> str:
        return bytes(entry.leaf).hex()
