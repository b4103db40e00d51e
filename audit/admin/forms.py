"""Forms of governed rows: the reason, lists of words, and parts in lines."""

import re

from django import forms
from django.db.models import Max, Q
from django.forms.models import BaseInlineFormSet

from audit.fields import DocumentField
from audit.models import Entry
from audit.naming import Unseen, conceal

REASON_HELP = (
    "Why, in a sentence. It becomes part of the record for good and cannot be taken back: "
    "no secrets, no personal data."
)


def reason_field() -> forms.CharField:
    """Return the field that every governed form ends with."""
    return forms.CharField(
        label="Reason",
        max_length=2000,
        help_text=REASON_HELP,
        widget=forms.Textarea(attrs={"rows": 2, "class": "vLargeTextField"}),
        error_messages={"required": "Give a reason; it becomes part of the record."},
    )


class LinesFormField(forms.CharField):
    """A text of several lines, with the ends of lines that it has everywhere else.

    Browsers send them as CR LF: saving a form would change, and give another digest to, a text
    that nobody touched.
    """

    def to_python(self, value):
        value = super().to_python(value)
        return value.replace("\r\n", "\n") if isinstance(value, str) else value

    def validate(self, value):
        # Without stripping, blanks alone are no answer either.
        super().validate(value.strip() if isinstance(value, str) else value)


class ListFormField(forms.CharField):
    """Words separated by commas or lines, kept as a list without doubles, in the order given."""

    def __init__(self, *args, **kwargs):
        # A field of the database brings a widget along that has no width of its own.
        kwargs["widget"] = forms.Textarea(attrs={"rows": 2, "class": "vLargeTextField"})
        super().__init__(*args, **kwargs)
        hint = "Separate entries with commas or lines."
        self.help_text = f"{self.help_text} {hint}".strip()

    def prepare_value(self, value):
        return value if isinstance(value, str) else ", ".join(value or ())

    def to_python(self, value):
        if isinstance(value, list):
            return value
        words = (word.strip() for word in re.split(r"[,\n\r]", super().to_python(value)))
        return list(dict.fromkeys(word for word in words if word))

    def has_changed(self, initial, data):
        return list(initial or ()) != self.to_python(data)


def _keep_current(form) -> None:
    """Offer the value a row has now even if its reader may choose no such row.

    Without it, saving another field would silently empty this one.
    """
    for name, field in form.fields.items():
        if not isinstance(field, forms.ModelChoiceField) or not form.instance.pk:
            continue
        if isinstance(field, forms.ModelMultipleChoiceField):
            continue
        pk = getattr(form.instance, f"{name}_id", None)
        if pk is None:
            continue
        model = field.queryset.model
        if not hasattr(field, "_choices"):
            field.queryset = field.queryset | model._base_manager.filter(pk=pk)
            field.label_from_instance = _called(form.instance, name)
        elif not any(getattr(value, "value", value) == pk for value, _ in field._choices):
            choices = [*field._choices, (pk, str(getattr(form.instance, name)))]
            field.queryset = field.queryset | model._base_manager.filter(pk=pk)
            field.choices = choices


def _called(instance, name: str):
    """Return what a menu calls a row: the one that is named now may be one without a name here."""

    def call(row) -> str:
        current = instance._state.fields_cache.get(name)
        hidden = isinstance(current, Unseen) and row.pk == getattr(instance, f"{name}_id")
        return str(current if hidden else row)

    return call


class GovernedForm(forms.ModelForm):
    """A row's form: its values, a reason, and how far the log was when the page was shown."""

    reason = reason_field()
    seen = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **{"label_suffix": "", **kwargs})
        _keep_current(self)

    def values(self) -> dict:
        """Return what was entered, by the row's own fields; an empty document is its default."""
        values = {}
        for field in self._meta.model._meta.concrete_fields:
            if field.name in self.cleaned_data:
                value = self.cleaned_data[field.name]
                if value is None and isinstance(field, DocumentField) and not field.null:
                    value = field.get_default()
                values[field.name] = value
        return values

    def parts(self) -> dict:
        """Return the parts that the form asks for in fields of its own, by part model."""
        return {}

    @property
    def seen_now(self) -> int | str:
        """The place of the row's last entry in the log: what is shown is what it was then."""
        if not self.instance.pk:
            return ""
        entries = Entry.objects.filter(on_timeline(self.instance))
        return entries.aggregate(last=Max("seq", default=-1))["last"]


def on_timeline(row) -> Q:
    """Return which log entries stand on the timeline of a row: its own and those of its parts."""
    return Q(about=row.key) | Q(row=row.key)


class PartForm(forms.ModelForm):
    """One line of a table of parts; its controls are named for those who hear the page."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        _keep_current(self)
        for field in self.fields.values():
            field.widget.attrs["aria-label"] = f"{field.label}, {line_of(self)}"

    def values(self) -> dict:
        """Return the part's own values, without its key and its parent."""
        own = self._meta.model
        return {
            field.name: self.cleaned_data[field.name]
            for field in own._meta.concrete_fields
            if field.name in self.cleaned_data
            and not field.primary_key
            and field.name not in (own.part_of, own.born_with)
        }


def line_of(form) -> str:
    """Return which line of its table a form is, in words."""
    number = (form.prefix or "").rpartition("-")[2]
    return f"line {int(number) + 1}" if number.isdigit() else "new line"


class PartFormSet(BaseInlineFormSet):
    """All lines of one table of parts; `reader` is who sees them."""

    reader = None

    def add_fields(self, form, index):
        super().add_fields(form, index)
        if "DELETE" in form.fields:
            form.fields["DELETE"].widget.attrs["aria-label"] = f"Remove {line_of(form)}"

    def get_queryset(self):
        """Return the parts with a stand-in for every row they name that the reader may not see."""
        if not hasattr(self, "_named"):
            self._named = True
            conceal(super().get_queryset(), self.reader)
        return super().get_queryset()

    def wanted(self) -> list[dict]:
        """Return the parts that shall be there after saving."""
        return [
            form.values()
            for form in self.forms
            if form not in self.deleted_forms and (form.instance.pk or form.has_changed())
        ]
