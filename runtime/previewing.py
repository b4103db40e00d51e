"""What would follow if something were so: compiled as a publication would, and told as a diff."""

import json
from collections.abc import Iterable

from audit.rules import canonical, digest
from gates.previewing import Attempt, Followed
from registry.models import Environment, Person
from runtime.changing import seen_use_cases, told
from runtime.compiling import Supposing, document, running
from runtime.differences import Difference, differences
from runtime.matrix import active_in
from runtime.models import Deployment, Suspension


def followed(attempt: Attempt, reader: Person) -> list[Followed]:
    """Return the generations that an attempt of an app below would have published."""
    return would_follow(Supposing(force=attempt.force, revoked=attempt.revoked), reader)


def suspended(one: Suspension, reader: Person) -> list[Followed]:
    """Return the generations that a suspension, not saved, would have published."""
    return would_follow(Supposing(suspensions=(one,)), reader)


def would_follow(supposing: Supposing, reader: Person) -> list[Followed]:
    """Return which environments would get another generation, and what would differ there."""
    busy = Deployment.objects.filter(removed_at=None).order_by().values("environment")
    environments = Environment.objects.filter(pk__in=busy).order_by("slug")
    looked_at, activations = active_in(environments)
    found: list[tuple[Environment, int, list[Difference]]] = []
    for environment in looked_at:
        last = activations[environment.pk]
        made = canonical(document(environment, running(environment), supposing))
        if digest(made) != last.snapshot.digest:
            before, after = json.loads(last.snapshot.content), json.loads(made)
            found.append((environment, last.generation + 1, differences(before, after)))
    seen = seen_use_cases(reader, _use_cases(some for _, _, some in found))
    visible = Environment.objects.visible_to(reader).in_bulk([one.pk for one, _, _ in found])
    result = []
    for environment, generation, some in found:
        if environment.pk in visible:
            said = told(some, seen)
            result.append(
                Followed(
                    environment.slug,
                    environment.get_absolute_url(),
                    generation,
                    tuple(said["changes"]),
                    said["hidden"],
                )
            )
    return result


def _use_cases(found: Iterable[list[Difference]]) -> set[str]:
    return {slug for some in found for one in some for slug in one.use_cases}
