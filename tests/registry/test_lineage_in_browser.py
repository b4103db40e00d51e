"""The picture of a lineage in a browser: five columns on a laptop, and words inside their boxes."""

import pytest
from django.test import Client

from registry.roles import Role
from tests import make

pytestmark = pytest.mark.django_db(transaction=True)

WIDER = "el => el.scrollWidth - el.clientWidth"
# Words may end at a box's edge, not beyond it.
OUTSIDE = """() => [...document.querySelectorAll('.lineage g')].flatMap(g => {
  const edge = g.querySelector('rect').getBoundingClientRect().right;
  return [...g.querySelectorAll('text')].filter(t => t.getBoundingClientRect().right > edge)
    .map(t => t.textContent);
})"""


@pytest.fixture
def address(page, live_server):
    """The lineage of a model version in five columns, for somebody who is signed in."""
    team = make.make_team("claims")
    older = make.make_model_version(team=team, sealed=True)
    data = [
        make.make_dataset_version(team=team, version=f"complaints-and-praise-of-members-{number}")
        for number in range(53)
    ]
    base = make.make_model_version(
        team=team, base_version=older, datasets=[(one, "training") for one in data], sealed=True
    )
    version = make.make_model_version(team=team, base_version=base)
    make.make_release(team=team, version=version)
    client = Client()
    client.force_login(make.make_person("kim", Role.AUDITOR, Role.REGISTRAR))
    cookie = {"name": "sessionid", "value": client.cookies["sessionid"].value}
    page.context.add_cookies([{**cookie, "url": live_server.url}])
    return f"{live_server.url}{version.get_absolute_url()}lineage/"


@pytest.mark.parametrize(("asked", "boxes", "wide"), [("", 4, 3), ("?all=1", 60, 5)])
def test_five_columns_fit_a_laptop_and_words_their_boxes(page, address, asked, boxes, wide):
    page.set_viewport_size({"width": 1280, "height": 800})
    page.goto(address + asked)
    columns = page.locator(".lineage rect").evaluate_all("els => els.map(e => e.getAttribute('x'))")
    assert len(columns) == boxes and len(set(columns)) == wide
    assert page.locator(".lineage").evaluate(WIDER) <= 0
    assert page.evaluate(OUTSIDE) == []
    page.set_viewport_size({"width": 360, "height": 800})
    assert page.locator(":root").evaluate(WIDER) <= 0, "The picture scrolls, the page does not."
