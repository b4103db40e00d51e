"""Menus stay short, and where they cannot hold everything one types."""

import pytest

from registry import menus
from registry.menus import menu
from registry.models import UseCase
from registry.roles import Role
from tests import make

pytestmark = pytest.mark.django_db


def test_a_menu_holds_all_or_says_that_it_does_not(django_assert_num_queries, monkeypatch):
    monkeypatch.setattr(menus, "MOST", 2)
    for slug in ("bee", "ant"):
        make.make_use_case(slug)
    with django_assert_num_queries(1):
        found = menu("use_case", "Use case", UseCase.objects.all(), "ant")
    assert (found.slugs, found.whole) == (["ant", "bee"], True)
    make.make_use_case("cat")
    found = menu("use_case", "Use case", UseCase.objects.all(), "cat")
    assert (found.slugs, found.whole) == (["ant", "bee"], False)


@pytest.mark.parametrize("path", ["/policy/effective/", "/routes/try/"])
def test_one_types_what_no_menu_can_hold(client, monkeypatch, path):
    monkeypatch.setattr(menus, "MOST", 1)
    for slug in ("ant", "bee"):
        make.make_use_case(slug)
    place = make.make_environment()
    client.force_login(make.make_person("vera", Role.VIEWER))
    text = client.get(f"{path}?use_case=bee&environment={place.slug}").content.decode()
    assert '<input type="text" name="use_case"' in text and 'value="bee"' in text
    assert f"<option selected>{place.slug}</option>" in text
