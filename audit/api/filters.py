"""Filters of the API: named one by one, each exact or one of several, each with an index.

Several values stand with commas between them. There is no pattern to search by: what a caller
sends is only ever compared.
"""

from django import forms
from django_filters import rest_framework as filters
from django_filters.fields import BaseCSVField

#: Most values that one filter takes.
MOST = 50
LARGEST = 2**63 - 1


class _Values(BaseCSVField):
    def clean(self, value):
        if value is not None and len(value) > MOST:
            raise forms.ValidationError(f"Give at most {MOST} values.", code="too_many")
        if value is not None and not all(one.strip() for one in value):
            raise forms.ValidationError("Give a value on each side of a comma.", code="empty")
        return super().clean(value)


class _OneOf(filters.BaseInFilter):
    base_field_class = _Values

    def __init__(self, field_name: str, about: str, **extra):
        super().__init__(
            field_name=field_name, help_text=f"{about} Several stand with commas between.", **extra
        )


class Words(_OneOf, filters.CharFilter):
    """Texts such as slugs and digests."""

    def __init__(self, field_name: str, about: str):
        super().__init__(field_name, about, max_length=200)


class Number(filters.NumberFilter):
    """One whole number that a database key can hold."""

    field_class = forms.IntegerField

    def __init__(self, **extra):
        super().__init__(min_value=0, max_value=LARGEST, **extra)

    def get_max_validator(self):
        return None  # `max_value` says it already


class Numbers(_OneOf, Number):
    """Keys that are numbers."""


class Ids(_OneOf, filters.UUIDFilter):
    """Keys that are UUIDs."""


class Choices(_OneOf, filters.ChoiceFilter):
    """Values of a closed list; `about` says of what."""

    def __init__(self, field_name: str, about: str, choices, **extra):
        super().__init__(field_name, about, choices=choices, **extra)
