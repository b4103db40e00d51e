"""How a noun's rows stand, on its admin pages: two verbs, a band, a column and a filter."""

from django import forms
from django.contrib import admin
from django.contrib.admin.filters import SimpleListFilter
from django.template.loader import render_to_string

from audit.admin import Act, ReasonForm, offered_rows
from registry import lifecycle, standing
from registry.models import Retirement
from registry.transitions import deprecate, reinstate, retire

STATES = Retirement.State


def declared(row) -> Retirement | None:
    """Return what was declared of the row itself and counts, read once for each row."""
    if "_declared" not in row.__dict__:
        place = (type(row), row.pk)
        row._declared = lifecycle.newest([place]).get(place)
    return row._declared


def standing_of(request, row) -> standing.Standing:
    """Return how a row stands for the reader, read once for each row."""
    if "_standing" not in row.__dict__:
        row._standing = lifecycle.standing_of(row, request.user)
    return row._standing


class RetireForm(ReasonForm):
    """Which of the two, and what to take instead."""

    state = forms.ChoiceField(
        label="What it shall be",
        widget=forms.RadioSelect,
        choices=(
            ("retired", "Retired: nothing new names it"),
            ("deprecated", "Deprecated: it may still be named, with a warning"),
        ),
        error_messages={"required": "Choose one of the two."},
    )
    successor = forms.ModelChoiceField(
        label="Successor",
        queryset=Retirement.objects.none(),
        required=False,
        empty_label="None",
        help_text="What to take instead. Whoever names this one is sent there.",
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        noun, field = type(self.row), self.fields["successor"]
        through = (lifecycle.PARENTS[noun][0],) if noun in lifecycle.PARENTS else ()
        rows = offered_rows(admin.site, noun, self.request, through)
        field.queryset = rows.exclude(pk=self.row.pk)
        if now := declared(self.row):
            self.initial |= {"state": now.state, "successor": now.successor_id}


class Retire(Act):
    name = "retire"
    label = "Deprecate or retire…"
    lead = "What rests on it goes on."
    note = (
        "This is no revocation: what is approved stays approved, and says on its pages what it "
        "rests on. A draft that names something retired cannot be sealed."
    )
    done = "It is recorded. Its page says so to everybody who opens it."
    form = RetireForm

    def run(self, request, row, cleaned):
        verb = {"retired": retire, "deprecated": deprecate}[cleaned["state"]]
        chosen = cleaned["successor"]
        verb(
            type(row),
            row.pk,
            successor=chosen and chosen.pk,
            actor=request.user,
            reason=cleaned["reason"],
        )

    def __str__(self):
        return "Deprecate or retire"


class Reinstate(Act):
    name = "reinstate"
    label = "Reinstate…"
    right = "retire"
    lead = "It is in use again."
    note = "It is offered in menus again, and its page no longer names a successor."
    done = "It is in use again."

    def offered(self, row):
        return declared(row) is not None

    def run(self, request, row, cleaned):
        reinstate(type(row), row.pk, actor=request.user, reason=cleaned["reason"])


class StandingFilter(SimpleListFilter):
    """In use, deprecated or retired, together with what a row belongs to."""

    title = "standing"
    parameter_name = "standing"

    def lookups(self, request, model_admin):
        return STATES.choices[::-1]

    def queryset(self, request, queryset):
        if self.value() in STATES.values:
            return queryset.filter(lifecycle.in_state(queryset.model, self.value()))
        return queryset


class Retirable:
    """For admins of nouns that are deprecated and retired, before `RegistryAdmin`."""

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        cls.acts = (*cls.acts, Retire(), Reinstate())
        cls.list_filter = (*cls.list_filter, StandingFilter)
        *columns, last = cls.list_display
        cls.list_display = (*columns, "standing", last)

    csv_columns = {"standing": {"standing": lambda row: row.standing.state}}

    def name_rows(self, request, rows):
        found = lifecycle.standings(rows, request.user)
        for row in rows:
            row.standing = found[type(row), row.pk]
        super().name_rows(request, rows)

    @admin.display(description="standing")
    def standing(self, obj):
        return render_to_string("registry/_state.html", {"state": obj.standing.state})

    def pills(self, request, obj):
        found = standing_of(request, obj)
        return [] if found.in_use else [found.state]

    def notices(self, request, obj):
        found = standing_of(request, obj)
        said = {"standing": found, "noun": self.opts.verbose_name}
        return [] if found.in_use else [render_to_string("registry/_standing.html", said)]
