"""A field for documents that are digested: what is stored is the canonical bytes themselves."""

import json
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db import models

from audit.rules import canonical, plain


def parse_document(text: str) -> Any:
    """Return the value of a JSON text; duplicate keys, NaN and infinity raise ValueError.

    Numbers with a fraction become Decimals, since a float has no exact canonical form.
    """

    def unique(pairs):
        document = dict(pairs)
        if len(document) != len(pairs):
            raise ValueError("A key stands twice in one object.")
        return document

    def refuse(name):
        raise ValueError(f"{name} is not a number that can be kept.")

    try:
        return json.loads(
            text, object_pairs_hook=unique, parse_constant=refuse, parse_float=Decimal
        )
    except RecursionError:
        raise ValueError("The document is nested too deeply.") from None


class DocumentField(models.TextField):
    """A JSON document kept as its RFC 8785 text, so both databases hold the same bytes.

    The attribute is the plain Python value: dict, list, str, int, bool or None. Numbers with a
    fraction come back as the strings they were stored as.
    """

    def from_db_value(self, value, expression, connection):
        return None if value is None else json.loads(value)

    def to_python(self, value):
        if value is None:
            return None
        try:
            return plain(value)
        except (TypeError, ValueError) as error:
            raise ValidationError(str(error), code="document") from None

    def validate(self, value, model_instance):
        super().validate(value, model_instance)
        try:
            canonical(value)
        except (TypeError, ValueError, RecursionError) as error:
            raise ValidationError(
                f"This document cannot be kept: {error}", code="document"
            ) from None

    def get_prep_value(self, value):
        return None if value is None else canonical(value).decode()

    def value_to_string(self, obj):
        return canonical(self.value_from_object(obj)).decode()

    def formfield(self, **kwargs):
        return super().formfield(**{"form_class": DocumentFormField, **kwargs})


class DocumentFormField(forms.CharField):
    """JSON typed by a person, parsed strictly."""

    def __init__(self, *args, **kwargs):
        kwargs.setdefault("widget", forms.Textarea(attrs={"rows": 4}))
        super().__init__(*args, **kwargs)

    def prepare_value(self, value):
        return value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)

    def to_python(self, value):
        if not isinstance(value, str):
            return value
        if not value.strip():
            return None
        try:
            return plain(parse_document(value))
        except ValueError as error:
            raise ValidationError(f"This is not JSON that can be kept: {error}") from None

    def has_changed(self, initial, data):
        try:
            return plain(initial) != self.to_python(data)
        except (ValidationError, TypeError):
            return True
