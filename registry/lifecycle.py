"""How registered things stand, read from their retirements: on pages, in menus, lists and verbs.

However many rows are asked about, it takes one query for them, one for each step along their
successors, and one for each noun of a successor.
"""

from collections.abc import Iterable
from dataclasses import replace

from django.db.models import Exists, Model, OuterRef, Q, QuerySet

from audit.naming import Unseen
from registry import standing
from registry.models import (
    Dataset,
    DatasetVersion,
    ModelVersion,
    PromptTemplate,
    PromptVersion,
    RegisteredModel,
    Release,
    Retirement,
    ServingEndpoint,
    Tool,
    ToolScope,
)
from registry.models.retirements import SUBJECTS
from registry.standing import Named, Standing

#: What a thing belongs to: retired as a whole, retired in each of its parts.
PARENTS: dict[type[Model], tuple[str, type[Model]]] = {
    ModelVersion: ("model", RegisteredModel),
    PromptVersion: ("template", PromptTemplate),
    DatasetVersion: ("dataset", Dataset),
    ToolScope: ("tool", Tool),
}
#: Steps along successors that are followed; a longer way is nobody's.
FURTHEST = 30

Place = tuple[type[Model], int]


def has_standing(noun: type[Model]) -> bool:
    """Whether things of this noun are deprecated and retired, alone or with what they are of."""
    return noun in SUBJECTS or noun in PARENTS


def standing_of(row: Model, reader=None) -> Standing:
    """Return how one thing stands; without a reader, whatever is named is named."""
    return standings([row], reader)[type(row), row.pk]


def standings(rows: Iterable[Model], reader=None) -> dict[Place, Standing]:
    """Return how each of the rows stands, by (noun, key); rows come with what they belong to."""
    rows = list(rows)
    places = {(type(row), row.pk) for row in rows if type(row) in SUBJECTS}
    places |= {parent for row in rows if (parent := _parent(row))}
    found = newest(places)
    ends, over = _ends(found)
    named = _successors(set(ends.values()), reader)
    said = {
        place: _said(row, named.get(ends.get(place)), ends.get(place) in over)
        for place, row in found.items()
    }
    stand = {}
    for row in rows:
        place, parent = (type(row), row.pk), _parent(row)
        own = said.get(place, Standing())
        if parent in said:
            inherited = said[parent]
            whole = getattr(row, PARENTS[type(row)][0])
            through = f"the {whole._meta.verbose_name} {whole}"
            own = standing.worse(own, replace(inherited, through=through))
        stand[place] = own
    return stand


def _parent(row: Model) -> Place | None:
    if type(row) not in PARENTS:
        return None
    name, noun = PARENTS[type(row)]
    return noun, getattr(row, f"{name}_id")


def newest(places: Iterable[Place]) -> dict[Place, Retirement]:
    """Return the declaration that counts of each thing that is out of use."""
    keys: dict[str, set[int]] = {}
    for noun, pk in places:
        keys.setdefault(SUBJECTS[noun], set()).add(pk)
    if not keys:
        return {}
    wanted = Q()
    for name, pks in keys.items():
        wanted |= Q(**{f"{name}__in": pks})
    nouns = {name: noun for noun, name in SUBJECTS.items()}
    found = {}
    for row in Retirement.objects.filter(wanted).select_related("declared_by").order_by("pk"):
        found[nouns[row.name], row.subject_id] = row
    return {place: row for place, row in found.items() if row.state != standing.IN_USE}


def _ends(found: dict[Place, Retirement]) -> tuple[dict[Place, Place], set[Place]]:
    """Return where the successors of each thing lead, and which of all these are retired."""
    known, steps = dict(found), _steps(found)
    asked = set(found)
    for _ in range(FURTHEST):
        waiting = set(steps.values()) - asked
        if not waiting:
            break
        asked |= waiting
        further = newest(waiting)
        known |= further
        steps |= _steps(further)
    ends = {place: standing.last(place, steps) for place in found if place in steps}
    return ends, {place for place, row in known.items() if row.state == standing.RETIRED}


def _steps(found: dict[Place, Retirement]) -> dict[Place, Place]:
    return {
        place: (place[0], row.successor_id)
        for place, row in found.items()
        if row.successor_id is not None
    }


def chain(noun: type[Model], pk: int | None) -> list[int]:
    """Return the keys along the successors of a thing, itself first; nothing for no key."""
    if pk is None:
        return []
    ends, steps = (noun, pk), {}
    for _ in range(FURTHEST):
        further = _steps(newest([ends]))
        steps |= further
        if ends not in further or further[ends] in steps:
            break
        ends = further[ends]
    keys = [pk]
    while (step := steps.get((noun, keys[-1]))) and step[1] not in keys:
        keys.append(step[1])
    return keys


def _successors(places: set[Place], reader) -> dict[Place, Model | Unseen]:
    """Return the rows that succeed others, as far as the reader may see them."""
    keys: dict[type[Model], set[int]] = {}
    for noun, pk in places:
        keys.setdefault(noun, set()).add(pk)
    found: dict[Place, Model | Unseen] = {}
    for noun, pks in keys.items():
        rows = noun.objects.all() if reader is None else noun.objects.visible_to(reader)
        named = PARENTS.get(noun, ("",))[0]
        rows = rows.filter(pk__in=pks).select_related(*([named] if named else []))
        found |= dict.fromkeys(((noun, pk) for pk in pks), Unseen(noun))
        found |= {(noun, row.pk): row for row in rows}
    return found


def _said(row: Retirement, successor: Model | Unseen | None, over: bool) -> Standing:
    return Standing(
        state=row.state,
        reason=row.reason,
        by=row.declared_by.username,
        at=row.declared_at,
        successor="" if successor is None else str(successor),
        successor_id=getattr(successor, "pk", None) or None,
        successor_url=url_of(successor),
        successor_retired=over,
    )


def url_of(row: Model | Unseen | None) -> str:
    """Return the address where a reader of the row belongs; nothing for what may not be seen."""
    if row is None or isinstance(row, Unseen):
        return ""
    page = getattr(row, "get_absolute_url", None)
    return page() if page else f"/registry/{row._meta.model_name}/{row.pk}/change/"


# What rests on what


def named_by(row: Model) -> list[tuple[str, Model]]:
    """Return what a row names that can be deprecated, each with the field that names it."""
    if isinstance(row, ServingEndpoint):
        return [("version", row.version)]
    if isinstance(row, RegisteredModel):
        uses = row.uses.select_related("use_case").order_by("pk")
        return [("use_case", use.use_case) for use in uses]
    if isinstance(row, DatasetVersion):
        return [("dataset", row.dataset)]
    if isinstance(row, Release):
        links = row.prompt_links.select_related("prompt_version__template").order_by("pk")
        grants = row.tool_grants.select_related("scope__tool").order_by("pk")
        return [
            ("use_case", row.use_case),
            ("model_version", row.model_version),
            *(("prompt_version", link.prompt_version) for link in links),
            *(("scope", grant.scope) for grant in grants),
        ]
    if not isinstance(row, ModelVersion):
        return []
    links = row.dataset_links.select_related("dataset_version__dataset").order_by("pk")
    base = row.base_version
    return [
        ("model", row.model),
        *([("base_version", base)] if base else []),
        *(("dataset_version", link.dataset_version) for link in links),
    ]


def out_of_use(named: Iterable[tuple[str, Model]], reader=None) -> list[Named]:
    """Return what of `named` is deprecated or retired; to a reader, hidden things have no name."""
    pairs = list(named)
    stand = standings((row for _, row in pairs), reader)
    worst = [(field, row) for field, row in pairs if not stand[type(row), row.pk].in_use]
    hidden = _hidden([row for _, row in worst], reader)
    return [
        Named(
            noun=row._meta.verbose_name,
            name="that you may not see" if (type(row), row.pk) in hidden else str(row),
            standing=_closed(stand[type(row), row.pk], (type(row), row.pk) in hidden),
            url="" if (type(row), row.pk) in hidden else url_of(row),
            field=field,
        )
        for field, row in worst
    ]


def _closed(found: Standing, hidden: bool) -> Standing:
    """Leave out what was written about a thing that the reader may not see."""
    if not hidden:
        return found
    return replace(found, reason="", by="", through="")


def _hidden(rows: list[Model], reader) -> set[Place]:
    if reader is None:
        return set()
    keys: dict[type[Model], set[int]] = {}
    for row in rows:
        keys.setdefault(type(row), set()).add(row.pk)
    hidden = set()
    for noun, pks in keys.items():
        seen = noun.objects.visible_to(reader).filter(pk__in=pks).values_list("pk", flat=True)
        hidden |= {(noun, pk) for pk in pks - set(seen)}
    return hidden


# Lists and menus


def standing_as(noun: type[Model], *states: str) -> Q:
    """Return the condition that a row of `noun`, or what it belongs to, stands as one of these."""
    wanted = Q()
    if noun in SUBJECTS:
        wanted |= Q(pk__in=_declared(SUBJECTS[noun], states))
    if noun in PARENTS:
        name, parent = PARENTS[noun]
        wanted |= Q(**{f"{name}__in": _declared(SUBJECTS[parent], states)})
    return wanted


def _declared(name: str, states: tuple[str, ...]) -> QuerySet:
    later = Retirement.objects.filter(**{name: OuterRef(name)}, pk__gt=OuterRef("pk"))
    rows = Retirement.objects.filter(~Exists(later), state__in=states)
    return rows.filter(**{f"{name}__isnull": False}).values(name)


def in_state(noun: type[Model], state: str) -> Q:
    """Return the condition that a row of `noun` stands so, judged with what it belongs to."""
    retired = standing_as(noun, standing.RETIRED)
    if state == standing.RETIRED:
        return retired
    if state == standing.DEPRECATED:
        return standing_as(noun, standing.DEPRECATED) & ~retired
    return ~standing_as(noun, standing.DEPRECATED, standing.RETIRED)


def offered(rows: QuerySet) -> QuerySet:
    """Return the rows that a menu offers: nothing new names what is retired."""
    if not has_standing(rows.model):
        return rows
    return rows.exclude(standing_as(rows.model, standing.RETIRED))
