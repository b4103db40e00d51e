"""The pages of what runs, in a browser: what axe finds, and whether they fit."""

import pytest

from runtime import transitions
from runtime.models import Deployment, Rollback, Suspension
from tests import make
from tests.gates.stories import WHY
from tests.runtime.recording import Reporting
from tests.runtime.stories import next_release, operator, place, running
from tests.runtime.test_going_back import keep, reviewer, rolled


@pytest.fixture
def told(transactional_db):
    """A use case that went back in an emergency, and can go back once more."""
    told = running()
    after = next_release(told)
    transitions.remove(Deployment.objects.get().pk, actor=operator(told), reason=WHY)
    place(after)
    keep(told)
    keep(told, "refused", "too long", tokens=10**9)
    gateway = Reporting(told.environment)
    gateway.outcomes(*(gateway.route(told.use_case.slug, facts={"tokens": n}) for n in (1, 10**9)))
    rolled(told, incident="INC-7")
    return told


def test_axe_finds_nothing_on_the_pages_of_what_runs(
    page, client, assert_accessible, told, live_server
):
    where, use_case = told.environment.get_absolute_url(), told.use_case.slug
    host, asked = told.endpoint.host.slug, f"?use_case={use_case}&environment="
    asked += told.environment.slug
    rollback, left = Rollback.objects.get(), Suspension.objects.get()
    operated = (
        where,
        "/running/",
        "/running/?by=provider",
        "/running/?by=region&at=2020-01-01T00:00:00Z",
        f"{where}changes/",
        f"{where}changes/?from=9",
        f"/drill/?provider={host}",
        "/drill/?region=no such",
        f"/routes/try/{asked}",
        f"/routes/try/{asked}&tokens=1000000000000",
        f"/routes/keep/{asked}&tokens=5",
        f"{where}roll-back/",
        f"{where}roll-back/?generation=1",
        f"{where}roll-back/?generation=3",
        f"{where}suspend/",
        f"{where}suspend/?subject=provider:{told.endpoint.host.pk}&everywhere=on",
        f"/suspensions/{left.pk}/lift/",
        rollback.get_absolute_url(),
    )
    for person, addresses in (
        (operator(told), operated),
        (reviewer(told), (rollback.get_absolute_url(),)),
        (make.make_person("zed", "viewer"), (f"{where}roll-back/?generation=1",)),
    ):
        client.force_login(person)
        cookie = client.cookies["sessionid"].value
        said = {"name": "sessionid", "value": cookie, "url": live_server.url}
        page.context.add_cookies([said])
        for address in addresses:
            page.goto(f"{live_server.url}{address}")
            assert page.locator("h1").count() == 1
            assert_accessible()
            page.set_viewport_size({"width": 360, "height": 800})
            width = page.evaluate("document.documentElement.scrollWidth")
            assert width <= 360, f"{address} scrolls sideways at 360 px: {width}"
            if address.startswith("/running/"):
                # A grid stays one, so its columns get narrow.
                assert_accessible()
            page.set_viewport_size({"width": 1280, "height": 800})
