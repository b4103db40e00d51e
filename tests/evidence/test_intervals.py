"""Intervals of scores: as sources and people write them, kept, shown, and answered."""

import pytest
from django.db import IntegrityError, connection, transaction

from audit import changes
from audit.refusals import Refused
from audit.verifying import verify
from evidence import intervals
from evidence.intervals import NONE, Interval
from registry.roles import Role
from tests.evidence.make import make_evidence, make_run
from tests.evidence.test_pages import text
from tests.make import make_person, make_suite_version, make_token


@pytest.mark.parametrize(
    ("text", "interval"),
    [
        ("", NONE),
        ("0.861 to 0.885, 95 %", Interval("0.861", "0.885", "0.95")),
        ("0.861 to 0.885", Interval("0.861", "0.885")),
        ("-0.1 – 0.1 99.9%", Interval("-0.1", "0.1", "0.999")),
        ("1e-3 - 2e-3", Interval("1e-3", "2e-3")),
        ("low to high", Interval("low", "high")),
        ("0.861", None),
        ("0.861-0.885", None),
        ("0.861 to 0.885, very sure", None),
    ],
)
def test_an_interval_is_read_as_a_person_writes_it(text, interval):
    assert intervals.written(text) == interval


@pytest.mark.parametrize(
    ("interval", "codes"),
    [
        (NONE, []),
        (Interval("0.1", "0.1"), []),
        (Interval("0.1", "0.2", "0.95"), []),
        (Interval("0.2", "0.1"), ["INTERVAL_NOT_NUMBERS"]),
        (Interval("0.2", ""), ["INTERVAL_NOT_NUMBERS"]),
        (Interval("", "", "0.95"), ["INTERVAL_NOT_NUMBERS"]),
        (Interval("low", "high"), ["INTERVAL_NOT_NUMBERS"]),
        (Interval("0.1", "NaN"), ["INTERVAL_NOT_NUMBERS"]),
        (Interval("0.1", "0.2", "95"), ["LEVEL_NOT_A_PART"]),
        (Interval("0.1", "0.2", "1"), ["LEVEL_NOT_A_PART"]),
        (Interval("0.1", "0.2", "sure"), ["LEVEL_NOT_A_PART"]),
    ],
)
def test_an_interval_is_two_numbers_and_a_part_of_one(interval, codes):
    reasons = intervals.problems("f1", interval, "s.interval")
    assert [reason.code for reason in reasons] == codes
    assert all(reason.field == "s.interval" and "f1" in reason.sentence for reason in reasons)


def run_with(**interval):
    suite = make_suite_version()
    score = {"metric": suite.metrics.get(), "text": "0.91", "samples": 400, **interval}
    return make_run(make_evidence("benchmark"), suite_version=suite, scores=[score], accepted=True)


@pytest.mark.django_db
def test_an_interval_is_kept_shown_and_answered(client):
    run = run_with(low="0.88", high="0.93", level="0.95")
    client.force_login(make_person("vera", Role.VIEWER))
    assert "0.88 to 0.93, 95 %" in text(client.get(run.item.get_absolute_url()))
    assert "0.88 to 0.93, 95 %" in text(client.get(run.item.release.get_absolute_url()))
    bare = run_with()
    headers = {"Authorization": f"Bearer {make_token(make_person('otto', Role.VIEWER))}"}

    def answered(address: str):
        return client.get(f"/api/v1/evaluation-runs/{address}", headers=headers).json()

    said = {"low": "0.88", "high": "0.93", "level": "0.95"}
    assert answered(f"{run.pk}/")["scores"][0]["interval"] == said
    assert answered(f"{bare.pk}/")["scores"][0]["interval"] is None
    assert answered(f"latest/?release={run.item.release.digest}")[0]["interval"] == said


@pytest.mark.django_db
def test_half_an_interval_is_refused_by_the_rules_and_by_the_database():
    with pytest.raises(Refused) as refused:
        run_with(low="0.88")
    assert refused.value.reasons[0].field == "scores.0.interval"
    run_with(low="0.88", high="0.93")
    with (
        pytest.raises(IntegrityError, match="score_interval_is_whole"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(
            "INSERT INTO evidence_score (run_id, metric_id, filter, subset, value, text, stderr,"
            " low, high, level, change_id) SELECT run_id, metric_id, 'other', subset, value, text,"
            " stderr, low, '', level, change_id FROM evidence_score"
        )


@pytest.mark.django_db
def test_an_entry_from_before_intervals_still_agrees_with_its_row(monkeypatch):
    now = changes._digested
    new = {"low", "high", "level"}
    with monkeypatch.context() as before:
        before.setattr(changes, "_digested", lambda row: [n for n in now(row) if n not in new])
        run = run_with()
    assert run.scores.get().low == ""
    assert verify("record").found == []
