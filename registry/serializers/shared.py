"""What answers of several nouns have in common."""

from rest_framework import serializers


class FactSerializer(serializers.Serializer):
    """One fact of the completeness checklist; `fix` says what to do while it is unknown."""

    code = serializers.CharField()
    label = serializers.CharField()
    known = serializers.BooleanField()
    value = serializers.CharField()
    fix = serializers.CharField()
    gate = serializers.CharField(help_text="The gate that first asks for it.")


#: A document cannot be told in part: its digest is over all of it.
WITHHELD = "The canonical text; null when it names what the caller may not see."


def whole(row) -> str | None:
    """Return the canonical text of a row, unless it names what the caller may not see."""
    return None if row.unnamed else row.content


def reader_of(serializer):
    return serializer.context["request"].user


class Hidden(serializers.IntegerField):
    """How many of the rows that a row names are not in its answer."""

    def __init__(self):
        super().__init__(read_only=True, help_text="Rows that it names and the caller may not see.")
