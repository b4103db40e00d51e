"""Which use case is intended on one model and disallowed on another."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from registry.roles import Role
from registry.uses import contested
from tests import make
from tests.api.reading import assert_problem, reader

pytestmark = pytest.mark.django_db


def stances(use_case, *told: str, **values):
    return [
        make.make_model(uses=[{"use_case": use_case, "stance": stance}], **values)
        for stance in told
    ]


def test_only_what_models_disagree_on_is_listed(client):
    agreed, fought = make.make_use_case(), make.make_use_case()
    stances(agreed, "intended", "intended")
    good, bad = stances(fought, "intended", "disallowed")
    (row,) = contested(make.registrar()).rows
    assert (row.use_case, row.intended, row.disallowed) == (fought, (good,), (bad,))
    client.force_login(make.registrar())
    page = client.get("/uses/").text
    assert "Models disagree on 1 use case." in page
    assert f'href="/models/{bad.slug}/"' in page and agreed.slug not in page
    one = client.get(f"/uses/?use_case={agreed.slug}").text
    assert "No two models that you may see disagree on it." in one
    form = client.get(f"/registry/usecase/{fought.pk}/change/").text
    assert f"/uses/?use_case={fought.slug}" in form


def test_nothing_contested_says_so(client):
    client.force_login(make.registrar())
    page = client.get("/uses/").text
    assert "No use case is intended on one model and disallowed on another." in page
    assert reader().get("uses/").json() == {"results": [], "total": 0}


def test_models_and_use_cases_of_other_teams_are_not_named(client):
    own, foreign = make.make_team(), make.make_team()
    use_case = make.make_use_case(team=own)
    (mine,) = stances(use_case, "intended", team=own)
    (hidden,) = stances(use_case, "disallowed", team=foreign)
    theirs = make.make_use_case(team=foreign)
    stances(theirs, "intended", "disallowed", team=foreign)
    viewer = make.make_person("", Role.VIEWER, team=own)
    result = contested(viewer)
    assert [one.use_case for one in result.rows] == [use_case] and result.total == 1
    assert (result.rows[0].intended, result.rows[0].hidden) == ((mine,), 1)
    answer = reader("viewer", team=own).get("uses/")
    assert hidden.slug not in answer.content.decode()
    assert answer.json()["results"][0]["hidden"] == 1
    assert_problem(reader("viewer", team=own).get("uses/", use_case=theirs.slug), 404)
    client.force_login(viewer)
    assert client.get(f"/uses/?use_case={theirs.slug}").status_code == 404


def test_what_cannot_be_read_is_told(client):
    assert_problem(reader().get("uses/", use_case="a b"), 400, "use_case")
    client.force_login(make.registrar())
    assert client.get("/uses/?use_case=%00").status_code == 404


def test_more_use_cases_and_models_take_no_more_queries():
    person = make.registrar()
    assert person.grants
    sizes = []
    for number in (1, 5):
        for _ in range(number):
            stances(make.make_use_case(), *["intended"] * number, "disallowed")
        with CaptureQueriesContext(connection) as asked:
            contested(person)
        sizes.append(len(asked))
    assert sizes[0] == sizes[1]
