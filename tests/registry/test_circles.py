"""Nothing comes from itself: on a draft, when sealing, and when two people tie a circle at once."""

from functools import partial

import pytest
from django.apps import apps
from django.db import IntegrityError, connection, transaction

from audit import Refused
from audit.refusals import Conflict
from registry import lineage, transitions
from registry.completeness import lineage_gaps
from registry.models import ModelVersion
from registry.roles import Role
from tests import make
from tests.api.reading import reader
from tests.gates.test_races import ROUNDS, at_once

pytestmark = pytest.mark.django_db


def tie(version, base, actor=None):
    """Make `base` the base version of a draft."""
    return make.save(ModelVersion, {"base_version": base}, pk=version.pk, actor=actor)


def sql(statement, *values):
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, values)


def force(version, base):
    """Write a base version past every rule, as a script with the database's password could."""
    sql("UPDATE registry_modelversion SET base_version_id = %s WHERE id = %s", base.pk, version.pk)


def comes_back(version) -> bool:
    seen, here = set(), version.pk
    while here is not None and here not in seen:
        seen.add(here)
        here = ModelVersion.objects.values_list("base_version_id", flat=True).get(pk=here)
    return here is not None


def test_a_draft_is_refused_with_the_way_named(client):
    a, b, c = (make.make_model_version() for _ in range(3))
    tie(a, b)
    tie(b, c)
    with pytest.raises(Refused) as refused:
        tie(c, a)
    (reason,) = refused.value.reasons
    assert (reason.code, reason.field) == ("LINEAGE_CIRCLE", "base_version")
    assert f"{c} ← {a} ← {b} ← {c}" in reason.sentence
    c.refresh_from_db()
    assert c.base_version is None


def test_versions_of_others_on_the_way_are_not_named():
    """A registrar for all teams tied it through another team's model; who sees less learns less."""
    team = make.make_team()
    a, c = (make.make_model_version(team=team) for _ in range(2))
    hidden = make.make_model_version()
    tie(a, hidden)
    tie(hidden, c)
    rob = make.make_person("rob", Role.REGISTRAR, team=team)
    with pytest.raises(Refused) as refused:
        tie(c, a, actor=rob)
    sentence = refused.value.reasons[0].sentence
    assert f"{c} ← {a} ← one you may not see ← {c}" in sentence
    assert str(hidden) not in sentence


def test_a_circle_that_somebody_forced_is_never_sealed_and_hangs_no_page(client):
    team = make.make_team()
    a, b = (make.make_model_version(team=team) for _ in range(2))
    tie(a, b)
    force(b, a)
    way = f"{a} ← {b} ← {a}"
    with pytest.raises(Refused, match=way):
        transitions.seal_version(a.pk, actor=make.registrar(), reason=make.WHY)
    release = make.make_release(version=ModelVersion.objects.get(pk=a.pk), sealed=False)
    with pytest.raises(Refused, match=way):
        transitions.seal_release(release.pk, actor=make.registrar(), reason=make.WHY)
    a.refresh_from_db()
    assert a.sealed_at is None
    assert len(lineage_gaps(a)) == 2
    graph = lineage.of_version(a, make.registrar())
    assert {node.name for node in graph.nodes.values()} >= {str(a), str(b)}
    client.force_login(make.registrar())
    for page in (
        a.get_absolute_url(),
        f"{a.get_absolute_url()}lineage/",
        release.get_absolute_url(),
        f"{release.get_absolute_url()}lineage/",
        f"/registry/modelversion/{a.pk}/change/",
    ):
        assert client.get(page).status_code == 200, page
    sealing = client.post(f"/registry/modelversion/{a.pk}/seal/", {"reason": make.WHY})
    assert sealing.status_code in (409, 422) and way in sealing.text
    caller = reader("auditor")
    assert caller.get(f"model-versions/{a.pk}/lineage/").status_code == 200
    # And the way out of it: another base, or none.
    tie(b, None)
    assert not comes_back(a)


def test_only_versions_prompts_and_releases_come_from_their_own_kind():
    """A new noun that can come from itself needs a rule; this is where it is noticed."""
    own = {
        f"{model._meta.label_lower}.{field.name}"
        for model in apps.get_app_config("registry").get_models()
        for field in model._meta.concrete_fields
        if field.related_model is model
    }
    assert own == {
        "registry.modelversion.base_version",
        # Set once, when the row is made, from one that is there: neither is typed in a form.
        "registry.promptversion.parent",
        "registry.release.derived_from",
    }
    first = make.make_prompt_version()
    second = make.make_prompt_version(first.template)
    assert second.parent == first and first.parent is None
    with pytest.raises(IntegrityError):
        sql("UPDATE registry_promptversion SET parent_id = %s WHERE id = %s", second.pk, first.pk)
    release = make.make_release()
    with pytest.raises(IntegrityError):
        sql(
            "UPDATE registry_release SET derived_from_id = %s WHERE id = %s",
            release.pk,
            release.pk,
        )


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("number", [2, 3, 4])
def test_drafts_that_are_tied_to_a_circle_at_once_never_close_it(number):
    people = [make.make_person("", Role.REGISTRAR) for _ in range(number)]
    team = make.make_team()
    for _ in range(ROUNDS):
        drafts = [make.make_model_version(team=team) for _ in range(number)]
        results = at_once(
            *(
                partial(tie, draft, base, actor=person)
                for draft, base, person in zip(
                    drafts, [*drafts[1:], drafts[0]], people, strict=True
                )
            )
        )
        refused = [one for one in results if isinstance(one, Refused)]
        assert refused and not any(comes_back(draft) for draft in drafts)
        assert {reason.code for one in refused for reason in one.reasons} <= {
            "LINEAGE_CIRCLE",
            "CHANGED",
        }
        if number == 2:
            (circle,) = refused
            assert not isinstance(circle, Conflict) and "←" in str(circle)
