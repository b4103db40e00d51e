"""What changed between two instants, by what it touched; lanes; three answers for an instant."""

import itertools
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from audit import clock
from registry.models import RouterReport
from registry.roles import Role
from runtime import transitions
from runtime.timeline import lanes
from runtime.timeline.lanes import Lane, Slot, Span, draw, gathered, step_for
from runtime.timeline.ranking import Group, Reach, Touched, reaches, touched
from tests import make
from tests.runtime.recording import Reporting
from tests.runtime.stories import next_release, operator, place, running

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)

# Pure


def group(generation, requests, *, use_case=1, router=1, release=None, failed=0, environment=1):
    return Group(environment, router, use_case, generation, release, requests, requests, failed)


def test_a_generation_touches_a_use_case_until_one_that_changes_the_same():
    found = reaches(
        [
            (1, 2, frozenset({1})),
            (1, 3, frozenset({2})),
            (1, 4, frozenset({1, 2})),
            (1, 5, None),
            (2, 2, frozenset({1})),
        ]
    )
    groups = [
        *(group(1, 100), group(2, 10, failed=3), group(3, 5), group(4, 7), group(5, 1)),
        *(group(3, 40, use_case=2), group(2, 9, environment=2)),
    ]

    def requests(*key):
        return touched(groups, found[key]).requests

    assert requests(1, 2) == 15  # generations 2 and 3 of use case 1
    assert requests(1, 3) == 40
    assert requests(1, 4) == 7
    assert requests(1, 5) == 1
    assert requests(2, 2) == 9
    assert touched(groups, found[1, 2]) == Touched(15, 15, 3)
    assert touched(groups, found[1, 2]).share == "20.0 %"
    assert touched(groups, []) == Touched() and Touched().share == ""


def test_what_overlaps_is_counted_once():
    groups = [group(1, 10), group(2, 5, router=2), group(None, 3)]
    assert touched(groups, [Reach(), Reach(router=2)]).requests == 18
    assert touched(groups, [Reach(generations=(1, None))]).requests == 15
    assert touched(groups, [Reach(router=2, generations=(2, 3))]).requests == 5
    assert touched(groups, [Reach(release=7)]).requests == 0


@pytest.mark.parametrize(
    ("span", "slots", "ticks"),
    [
        (timedelta(hours=1), timedelta(minutes=2), timedelta(minutes=10)),
        (timedelta(days=1), timedelta(minutes=30), timedelta(hours=3)),
        (timedelta(days=365), timedelta(days=14), timedelta(days=56)),
    ],
)
def test_steps_are_round(span, slots, ticks):
    assert step_for(span, lanes.BUCKETS) == slots
    assert step_for(span, 9) == ticks


@pytest.mark.parametrize("span", [timedelta(hours=1), timedelta(days=1), timedelta(days=365)])
def test_a_picture_reads_at_an_hour_and_at_a_year(span):
    since = NOON - span
    changed = since + span / 3
    ages = [Span(since, changed, "release 29"), Span(changed, NOON, "release 30", suspected=True)]
    short = Span(changed, changed + span / 1000, "release 31")
    step = step_for(span, lanes.BUCKETS)
    slots = gathered([(since + span * one / 400, 5, one % 2) for one in range(400)], step)
    assert sum(slot.requests for slot in slots) == 2000
    drawn = draw(
        [Lane("chat", "eu", tuple(ages), slots), Lane("chat", "us", (short,))],
        since,
        NOON,
        marks=[(number, since + span * number / 14, number == 1) for number in range(1, 13)],
        affected=(changed, NOON),
    )
    first, second = drawn.rows
    assert [bar.text for bar in first.bars] == ["release 29", "release 30"]
    assert [bar.css for bar in first.bars] == ["", "suspected"]
    assert (
        second.bars[0].tick and second.bars[0].text == "" and "release 31" in second.bars[0].title
    )
    assert 4 <= len(drawn.ticks) <= 10 and len(first.columns) <= lanes.BUCKETS + 2
    assert len(drawn.markers) == 12 and drawn.unseen_markers == 0
    for part in [*first.bars, *first.columns]:
        assert lanes.LEFT - 1 <= float(part.x) <= lanes.RIGHT
        assert float(part.x) + float(part.width) <= lanes.RIGHT + 60
    rows: dict[str, list[float]] = {}
    for one in drawn.markers:
        rows.setdefault(one.cy, []).append(float(one.x))
    for xs in rows.values():
        assert all(later - before >= lanes.MARKER - 1 for before, later in itertools.pairwise(xs))
    assert "release 29, then release 30" in drawn.sentence


def test_long_numbers_have_room_and_none_hides_another():
    marks = [(number, NOON - timedelta(seconds=20 * number), False) for number in range(95, 180)]
    drawn = draw([], NOON - timedelta(hours=1), NOON, marks=marks)
    rows: dict[str, float] = {}
    for one in drawn.markers:
        left, width = float(one.left), float(one.width)
        assert width >= lanes.LETTER * len(str(one.number))
        assert left > rows.get(one.top, 0)
        rows[one.top] = left + width
    assert len(rows) == lanes.ROWS and drawn.unseen_markers == 85 - len(drawn.markers)


def test_an_empty_picture_says_so():
    drawn = draw([], NOON - timedelta(hours=1), NOON)
    assert drawn.rows == [] and drawn.sentence.startswith("Nothing was active")
    assert gathered([], timedelta(hours=1)) == ()
    assert Slot(NOON, 1, 0).requests == 1


# With a story


@pytest.fixture
def told(db):
    return running()


@pytest.fixture
def router(told):
    return Reporting(told.environment)


def api(person, path: str, **given):
    headers = {"Authorization": f"Bearer {make.make_token(person)}"}
    return Client(raise_request_exception=False).get(f"/api/v1/{path}", given, headers=headers)


def signed_in(person) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(person)
    return client


def test_changes_are_ranked_by_the_requests_that_they_touched(told, router):
    slug, ops = told.use_case.slug, operator(told)
    before = [router.route(slug) for _ in range(2)]
    router.outcomes(*before)
    after = next_release(told)
    place(after, actor=ops, priority=1)
    routes = [router.route(slug) for _ in range(4)]
    bad = [router.outcome(one, status="failed", failure="Wrong") for one in routes[:3]]
    router.outcomes(*routes, *bad, router.outcome(routes[3]))
    pack = make.make_policy(review_months=3)
    viewer = make.make_person(make.name("viewer"), Role.VIEWER, team=told.use_case.team)
    given = {"environment": told.environment.slug, "use_case": slug}
    said = api(viewer, "timeline/", **given).json()
    first = said["events"][0]
    assert first["kind"] == "activation"
    assert first["touched"] == {"requests": 4, "outcomes": 4, "failed": 3}
    assert str(after.release.number) in first["sentence"]
    assert {one["code"] for one in first["changes"]} >= {"DEPLOYMENT_ADDED"}
    assert said["whole"]["requests"] == 6
    kinds = {one["kind"] for one in said["events"]}
    assert {"activation", "policy", "sign-off", "evidence", "registration"} <= kinds
    assert any(str(pack) in one["sentence"] for one in said["events"])
    in_time = api(viewer, "timeline/", order="time", **given).json()["events"]
    assert [one["at"] for one in in_time] == sorted(one["at"] for one in in_time)
    assert [one["number"] for one in in_time] == list(range(1, len(in_time) + 1))

    page = signed_in(viewer).get("/timeline/", given).content.decode()
    assert first["sentence"].split(":")[0] in page and '<svg class="chart"' in page
    # What differs in the releases is told where the reader looks first.
    assert f"a={told.release.pk}&amp;b={after.release.pk}" in page
    (lane,) = api(viewer, "lanes/", **given).json()["lanes"]
    assert [one["label"] for one in lane["releases"]] == [
        f"release {told.release.number}",
        f"release {after.release.number}",
    ]
    assert sum(one["requests"] for one in lane["volume"]) == 6
    assert sum(one["failed"] for one in lane["volume"]) == 3


def test_what_belongs_to_others_is_not_told(told, router):
    router.outcomes(router.route(told.use_case.slug))
    stranger = make.make_person(make.name("stranger"), Role.VIEWER, team=make.make_team())
    said = api(stranger, "timeline/", environment=told.environment.slug).json()
    assert said["whole"]["requests"] == 0
    assert told.use_case.slug not in str(said["events"])
    assert api(stranger, "timeline/", use_case=told.use_case.slug).status_code == 404
    assert api(stranger, "lanes/").json()["lanes"] == []


@pytest.mark.parametrize(
    "given",
    [
        {"from": "yesterday"},
        {"from": "2026-03-02T00:00:00Z", "to": "2026-03-01T00:00:00Z"},
        {"from": "2020-01-01T00:00:00Z"},
        {"order": "random"},
        {"nonsense": "1"},
    ],
)
def test_what_cannot_be_read_is_refused(told, given):
    person = make.make_person(make.name("auditor"), Role.AUDITOR)
    assert api(person, "timeline/", **given).status_code == 400
    if "from" in given:
        assert signed_in(person).get("/timeline/", given).status_code == 400


def test_gaps_and_what_routers_took_up_stand_on_the_line(told, router):
    ops = operator(told)
    router.outcomes(router.route(told.use_case.slug))
    lost = [next(router.numbers) for _ in range(2)]
    router.outcomes(router.route(told.use_case.slug))
    now = clock.now()
    RouterReport.objects.create(
        router=router.router, generation=2, first_seen_at=now, last_seen_at=now
    )
    said = api(ops, "timeline/", environment=told.environment.slug).json()["events"]
    (gap,) = [one for one in said if one["kind"] == "gap"]
    assert f"2 records of {router.router.slug}" in gap["sentence"]
    assert f"numbered {lost[0]} to {lost[1]}" in gap["sentence"]
    (taken,) = [one for one in said if one["kind"] == "acknowledgement"]
    assert taken["touched"]["requests"] == 2 and taken["generation"] == 2


def test_three_answers_and_where_they_disagree(told, router):
    slug, ops = told.use_case.slug, operator(told)
    number = told.environment.activations.order_by("-generation").first().generation
    begins = (clock.now() + timedelta(minutes=1)).replace(second=10, microsecond=0)
    path = f"environments/{told.environment.slug}/active-at/"

    def text(after: int) -> str:
        return (begins + timedelta(seconds=after)).strftime("%Y-%m-%dT%H:%M:%SZ")

    with clock.at(begins):
        RouterReport.objects.create(
            router=router.router, generation=number, first_seen_at=begins, last_seen_at=begins
        )
        router.outcomes(router.route(slug))
    with clock.at(begins + timedelta(seconds=2)):
        said = api(ops, path, at=text(1)).json()
    assert said["published"]["generation"] == number
    assert [(one["router"], one["generation"]) for one in said["held"]] == [
        (router.router.slug, number)
    ]
    assert said["used"][0]["generation"] == number and said["discrepancies"] == []

    with clock.at(begins + timedelta(seconds=10)):
        behind = router.route(slug)
        transitions.suspend(
            told.release,
            environment=told.environment,
            password=make.PASSWORD,
            actor=ops,
            reason="It answers strangely.",
        )
        router.outcomes(behind)
    with clock.at(begins + timedelta(seconds=20)):
        later = api(ops, path, at=text(15)).json()
        page = signed_in(ops).get(f"/environments/{told.environment.slug}/active-at/?at={text(15)}")
    codes = {one["code"] for one in later["discrepancies"]}
    assert {"ROUTER_BEHIND", "USED_OTHER_GENERATION"} <= codes
    html = page.content.decode()
    assert page.status_code == 200 and "These disagree" in html
    assert f"{router.router.slug} still held generation {number}" in html
    early = told.environment.activations.order_by("generation").first().change.at
    long_ago = (early - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert api(ops, path, at=long_ago).status_code == 404


def test_a_long_window_costs_no_more_queries(told, router):
    ops, slug = operator(told), told.use_case.slug
    router.outcomes(router.route(slug))

    def cost() -> int:
        with CaptureQueriesContext(
            connection,
        ) as caught:
            assert signed_in(ops).get("/timeline/").status_code == 200
        return len(caught)

    first = cost()
    for number in range(3):
        transitions.rank(
            told.environment.deployments.get(removed_at=None).pk,
            priority=number + 2,
            actor=ops,
            reason="Another order.",
        )
        router.outcomes(*(router.route(slug) for _ in range(3)))
    assert cost() <= first + 1
