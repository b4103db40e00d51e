"""The pages that answer questions, in a browser: what axe finds, and whether they fit."""

from datetime import date

import pytest

from registry.roles import Role
from tests import make
from tests.gates.stories import approved
from tests.runtime.recording import Reporting
from tests.runtime.stories import place
from tests.runtime.tracing import tracer


@pytest.mark.look
def test_axe_finds_nothing_on_the_pages_that_answer_questions(
    page, client, assert_accessible, transactional_db, live_server
):
    told = approved()
    version = told.release.model_version
    make.make_model_version(
        model=version.model,
        maker=version.maker,
        base_version=version,
        no_retirement_announced=False,
        retires_on=date(2027, 1, 14),
    )
    make.make_model(uses=[{"use_case": told.use_case, "stance": "disallowed"}])
    place(told)
    router = Reporting(told.environment)
    route = router.route(told.use_case.slug)
    router.outcomes(route, router.outcome(route))
    tracing, _ = tracer(router.token)
    with tracing.start_as_current_span("chat") as span:
        span.set_attributes({"gen_ai.operation.name": "chat", "gen_ai.request.model": "shadow-1"})
    client.force_login(make.make_person("mona", Role.AUDITOR))
    cookie = client.cookies["sessionid"]
    page.context.add_cookies([{"name": "sessionid", "value": cookie.value, "url": live_server.url}])
    for address in (
        "/impact/",
        "/impact/?kind=team&key=1",
        f"/impact/?kind=provider&key={version.maker.slug}",
        f"/impact/?kind=provider&key={make.make_provider().slug}",
        "/uses/",
        f"/uses/?use_case={told.use_case.slug}",
        "/may-run/?jurisdiction=EU",
        "/on-call/",
        "/on-call/?team=no such",
        f"{told.release.get_absolute_url()}readiness/?environment={told.environment.slug}",
        f"{version.get_absolute_url()}exports/",
        f"{told.promotion.get_absolute_url()}exports/",
        "/outside/",
        "/requests/",
        f"/requests/?release={told.release.digest}",
        f"/requests/{route['request']}/",
    ):
        page.goto(f"{live_server.url}{address}")
        assert_accessible()
        page.set_viewport_size({"width": 360, "height": 800})
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= 360, f"{address} scrolls sideways at 360 px: {width}"
        page.set_viewport_size({"width": 1280, "height": 800})
