"""The latest score: newest complete, accepted run; the release first, then its version."""

from datetime import timedelta

import pytest

from audit import clock
from evidence.latest import latest_scores
from evidence.transitions import withdraw
from registry.roles import Role
from registry.transitions import publish_suite_version
from tests.evidence.make import contributor, make_evidence, make_run
from tests.make import (
    WHY,
    make_model_version,
    make_person,
    make_release,
    make_suite_version,
    make_team,
    registrar,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def suite():
    return make_suite_version()


@pytest.fixture
def release():
    return make_release()


@pytest.fixture
def run(suite, release):
    """Return a function that gives a run about the release, `days` ago."""

    def give(text: str, days: int = 0, *, accepted: bool = True, about=None, **values):
        item = make_evidence("benchmark", **(about or {"release": release}))
        values = {"suite_version": suite, "accepted": accepted, **values}
        return make_run(item, text, ran_at=clock.now() - timedelta(days=days), **values)

    return give


def texts(**about) -> list[str]:
    return [score.text for score in latest_scores(**about)]


def test_the_newest_run_counts_whenever_it_was_given(run, release):
    run("0.9", days=1)
    run("0.7", days=3)
    run("0.8", days=2)
    assert texts(release=release) == ["0.9"]


def test_of_two_runs_at_one_instant_the_later_given_counts(run, release):
    with clock.at(clock.now()):
        run("0.7")
        run("0.8")
    assert texts(release=release) == ["0.8"]


def test_what_nobody_accepted_does_not_count(run, release):
    run("0.9", days=1)
    run("0.1", accepted=False)
    assert texts(release=release) == ["0.9"]


def test_a_partial_run_does_not_count(run, release):
    run("0.9", days=1)
    run("0.1", completeness="partial")
    assert texts(release=release) == ["0.9"]


def test_a_run_of_a_withdrawn_item_does_not_count(run, release):
    run("0.9", days=1)
    newest = run("0.1")
    withdraw(newest.item_id, actor=contributor(), reason=WHY)
    assert texts(release=release) == ["0.9"]


def test_only_scores_over_everything_are_headlines(run, release, suite):
    part = {"metric": suite.metrics.get(), "text": "0.2", "subset": "german"}
    run("0.9", days=1)
    run("-", scores=[part])
    assert texts(release=release) == ["0.9"]


def test_a_release_has_its_own_scores_first_and_its_versions_for_the_rest(run, release, suite):
    version = release.model_version
    run("0.5", days=9)
    run("0.9", days=1, about={"version": version})
    (score,) = latest_scores(release=release)
    assert (score.text, score.of) == ("0.5", "release")
    run("0.3", about={"version": version}, suite_version=make_suite_version())
    assert [(s.text, s.of) for s in latest_scores(release=release)] == [
        ("0.5", "release"),
        ("0.3", "version"),
    ]
    assert texts(version=version) == ["0.9", "0.3"]


def test_a_model_takes_its_versions_together_and_no_releases(run, release):
    version = release.model_version
    newer = make_model_version(model=version.model, sealed=True)
    run("0.4", days=5, about={"version": version})
    run("0.6", days=2, about={"version": newer})
    run("0.9")
    assert texts(model=version.model) == ["0.6"]


def test_a_metric_of_one_name_goes_on_in_the_next_version_of_its_suite(run, release, suite):
    following = publish_suite_version(
        suite.suite_id,
        notes="",
        metrics=[{"name": "accuracy"}],
        actor=registrar(),
        reason=WHY,
    )
    run("0.9", days=2)
    run("0.7", days=1, suite_version=following)
    assert texts(release=release) == ["0.7"]


def test_it_shows_what_may_be_seen(run, release):
    run("0.9")
    stranger = make_person("", Role.VIEWER, team=make_team())
    assert latest_scores(release=release, user=stranger) == []


@pytest.mark.parametrize("runs", [1, 10])
def test_it_costs_one_query(run, release, runs, django_assert_num_queries):
    for day in range(runs):
        run("0.9", days=day)
    with django_assert_num_queries(1):
        for score in latest_scores(release=release):
            assert str(score.run.item.subject)
            assert str(score.metric)
            assert str(score.run.acceptance.accepted_by)
