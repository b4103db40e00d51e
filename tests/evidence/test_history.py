"""Scores of a model over its versions: what counts, what is drawn, and for whom."""

from datetime import timedelta

import pytest

from audit import clock
from evidence import charts, history_pages
from evidence.charts import Bar, draw
from evidence.history import history
from evidence.transitions import withdraw
from registry.roles import Role
from tests import make
from tests.evidence.make import contributor, make_evidence, make_run
from tests.evidence.test_pages import text

# The picture


def test_every_part_stands_inside_the_chart_and_in_order():
    chart = draw([Bar("1", 0.8, 0.05), Bar("2", 0.9, 0.02), Bar("a-long-name", 0.7)], [0.85, 0.6])
    first, second, third = chart.dots
    assert second.y < first.y < third.y and first.x < second.x < third.x
    assert first.top < first.y < first.bottom and third.top == third.bottom
    assert [line.label for line in chart.thresholds] == ["0.85", "0.6"]
    assert all(
        charts.TOP <= y <= chart.bottom
        for y in (*(dot.top for dot in chart.dots), *(line.y for line in chart.thresholds))
    )
    assert chart.path == f"M{first.x} {first.y} L{second.x} {second.y} L{third.x} {third.y}"
    assert draw([Bar("a-name-that-is-long", 1)], []).dots[0].name == "a-name-that…"


@pytest.mark.parametrize(
    ("values", "ticks"),
    [
        ([0.0], ["-0.5", "0", "0.5"]),
        ([0.71, 0.93], ["0.7", "0.8", "0.9", "1"]),
        ([5.6, 1200.0], ["0", "500", "1000", "1500"]),
        ([-1e-6, 1e-6], ["-1e-06", "-5e-07", "0", "5e-07", "1e-06"]),
        ([999999999.0, 999999999.0], None),
    ],
)
def test_the_axis_has_round_numbers_around_every_value(values, ticks):
    chart = draw([Bar(str(place), value) for place, value in enumerate(values)], [])
    assert len(chart.ticks) <= 7 and all(0 <= dot.y <= chart.bottom for dot in chart.dots)
    if ticks:
        assert [tick.label for tick in chart.ticks] == ticks


# What counts

pytestmark = pytest.mark.django_db


@pytest.fixture
def suite():
    return make.make_suite_version()


@pytest.fixture
def model():
    return make.make_model()


@pytest.fixture
def run(suite, model):
    """Return a function that gives an accepted run about a version, new unless it is named."""

    def give(text: str, version=None, *, days: int = 0, **score):
        version = version or make.make_model_version(model=model, sealed=True)
        metric = suite.metrics.get()
        scores = [{"metric": metric, "text": text, **score}]
        item = make_evidence("benchmark", version=version)
        values = {"suite_version": suite, "accepted": True}
        return make_run(item, scores=scores, ran_at=clock.now() - timedelta(days=days), **values)

    return give


def viewer(team=None):
    return make.make_person("", Role.VIEWER, team=team)


def told(model, user=None) -> list[list[str]]:
    found = history(model, user or viewer())
    return [[score.text for score in one.scores] for one in found.series]


def test_the_newest_run_that_counts_stands_for_each_version(run, model, suite):
    first = run("0.80", days=3).item.version
    run("0.70", first, days=5)
    run("0.90")
    make_run(make_evidence("benchmark", version=first), "0.1", suite_version=suite)
    withdrawn = run("0.2", first)
    withdraw(withdrawn.item_id, actor=contributor(), reason=make.WHY)
    run("0.3", first, subset="german")
    assert told(model) == [["0.80", "0.90"]]


def test_thresholds_and_chance_are_told_and_what_is_hidden_is_not(run, model, suite, client):
    metric = suite.metrics.get()
    seen = make.make_use_case("claims-triage", demands=[{"metric": metric, "threshold": "0.85"}])
    hidden = make.make_use_case("secret-plan", demands=[{"metric": metric, "threshold": "0.987"}])
    run("0.80", stderr="0.01", samples=900)
    newest = run("0.90", stderr="0.01", samples=900)
    own = make.make_person("", Role.VIEWER, team=model.team)
    make.grant(own, Role.VIEWER, team=seen.team)
    client.force_login(own)
    response = client.get(f"/scores/{model.slug}/")
    page = response.content.decode()
    assert "claims-triage" in page.lower() and "secret-plan" not in page.lower()
    assert hidden.name not in page and "0.987" not in page
    assert "Better, beyond chance (95 %, two-sample z test on standard errors" in page
    assert page.count('class="threshold"') == 1 and page.count('class="whisker"') == 2
    assert page.count("<circle") == 1 and page.count('class="cross"') == 1
    assert "The newest scores meet every threshold" in page
    assert newest.get_absolute_url() in page
    assert f"/scores/{model.slug}/" in client.get(model.get_absolute_url()).content.decode()
    run("0.70")
    assert "The newest score misses what is demanded." in text(client.get(f"/scores/{model.slug}/"))
    client.force_login(viewer(team=seen.team))
    assert client.get(f"/scores/{model.slug}/").status_code == 404


def test_axe_finds_nothing_on_it_and_it_fits(
    run, model, suite, client, page, live_server, assert_accessible, transactional_db
):
    make.make_use_case(demands=[{"metric": suite.metrics.get(), "threshold": "0.85"}])
    run("0.90", stderr="0.01", samples=900)
    run("0.80", stderr="0.01", samples=900)
    client.force_login(viewer())
    cookie = client.cookies["sessionid"]
    page.context.add_cookies([{"name": "sessionid", "value": cookie.value, "url": live_server.url}])
    page.goto(f"{live_server.url}/scores/{model.slug}/")
    assert_accessible()
    page.set_viewport_size({"width": 360, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    # Two versions are drawn whole, without a scroll bar of the chart's own.
    chart = page.locator("svg.chart").bounding_box()
    assert chart["x"] + chart["width"] <= 360


def test_a_model_without_scores_says_what_to_do(model, client):
    client.force_login(viewer())
    assert "No score counts yet." in text(client.get(f"/scores/{model.slug}/"))


def test_versions_of_a_suite_are_told_together_and_never_compared(run, model, suite, client):
    run("0.80")
    newer = make.transitions.publish_suite_version(
        suite.suite_id,
        notes="Harder.",
        metrics=[{"name": "accuracy", "unit": "fraction", "higher_is_better": True}],
        actor=make.registrar(),
        reason=make.WHY,
    )
    version = make.make_model_version(model=model, sealed=True)
    item = make_evidence("benchmark", version=version)
    make_run(item, "0.60", suite_version=newer, accepted=True)
    assert told(model) == [["0.80", "0.60"]]
    client.force_login(viewer())
    page = text(client.get(f"/scores/{model.slug}/"))
    assert "several versions of the suite" in page and "not measured alike" in page


def test_a_release_speaks_for_a_version_that_has_no_score_of_its_own(run, model, suite, client):
    own = run("0.80", days=9).item.version
    bare = make.make_model_version(model=model, sealed=True)
    for version, score in ((own, "0.50"), (bare, "0.60")):
        release = make.make_release(version=version)
        make_run(
            make_evidence("benchmark", release=release), score, suite_version=suite, accepted=True
        )
    assert told(model) == [["0.80", "0.60"]]
    # Whoever does not see the release is not told its score.
    assert told(model, viewer(team=model.team)) == [["0.80"]]
    client.force_login(viewer())
    page = text(client.get(f"/scores/{model.slug}/"))
    assert f"measured as {release}" in page and "not measured alike" in page


def test_it_is_bounded_in_versions_scores_and_queries(
    run, model, monkeypatch, django_assert_num_queries
):
    for number in range(4):
        run(f"0.{number + 1}")
    user = viewer()
    assert user.grants, "who asks is known before"
    with django_assert_num_queries(3):
        assert told(model, user) == [["0.1", "0.2", "0.3", "0.4"]]
    monkeypatch.setattr("evidence.history.MOST_VERSIONS", 2)
    with django_assert_num_queries(3):
        found = history(model, user)
    assert found.older_versions and [s.text for s in found.series[0].scores] == ["0.3", "0.4"]
    monkeypatch.setattr("evidence.history.MOST_SERIES", 0)
    assert history(model, user).more_series == 1
    assert history_pages.MOST_LINES == 4


def test_tools_read_the_same(run, model, suite, client):
    metric = suite.metrics.get()
    use_case = make.make_use_case(demands=[{"metric": metric, "threshold": "0.85"}])
    given = run("0.80", stderr="0.01", low="0.78", high="0.82", level="0.95")
    headers = {"Authorization": f"Bearer {make.make_token(viewer())}"}
    answer = client.get(f"/api/v1/evaluation-runs/history/?model={model.slug}", headers=headers)
    [series] = answer.json()
    assert series["demands"] == [
        {"use_case": use_case.slug, "suite_version": 1, "threshold": "0.850000"}
    ]
    [score] = series["scores"]
    assert score["version"]["version"] == given.item.version.version
    assert (score["text"], score["stderr"], score["run"]) == ("0.80", "0.01", given.pk)
    assert score["interval"] == {"low": "0.78", "high": "0.82", "level": "0.95"}
