"""Scores that are read from an item's file: shown, matched by a person, and given in one change."""

import json
import re
import subprocess
from pathlib import Path
from threading import Event
from time import sleep

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from playwright.sync_api import expect

from audit import Refused, clock
from audit.models import Head
from audit.refusals import Conflict, NotAllowed
from evidence import reading, storage, transitions
from evidence.matching import Choice
from evidence.models import EvaluationRun, EvidenceFile
from evidence.readers import refused
from evidence.reading_forms import newest_targets
from registry.models import EvaluationSuite
from registry.roles import Role
from registry.transitions import publish_suite_version
from tests import make
from tests.evidence.files import garak, inspect, lm_eval
from tests.evidence.make import accept, contributor, make_evidence, upload

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def nothing_is_remembered():
    reading._asked.clear()
    yield
    reading._asked.clear()


RESULTS = lm_eval(
    {
        "boolq": {"acc,none": 0.75, "acc_stderr,none": 0.0125, "f1,none": float("nan")},
        "gsm": {"em,strict": 0.5, "em,loose": 0.625},
        "wiki": {"ppl,none": 5.5},
    },
    higher_is_better={"boolq": {"acc": True}, "wiki": {"ppl": False}},
    date=1795416640.5,
    lm_eval_version="0.4.13",
    **{"n-samples": {"boolq": {"original": 40, "effective": 40}}},
)


def suite(slug, *metrics):
    row = make.save(EvaluationSuite, {"slug": slug, "name": slug})
    return published(row, *metrics)


def published(row, *metrics):
    return publish_suite_version(
        row.pk,
        notes="",
        metrics=[{"unit": "", "higher_is_better": True, **metric} for metric in metrics],
        actor=make.registrar(),
        reason=make.WHY,
    )


@pytest.fixture
def boolq():
    return suite("boolq", {"name": "acc", "unit": "fraction"})


@pytest.fixture
def team():
    return make.make_team()


@pytest.fixture
def gives(client, team):
    person = make.make_person("gina", Role.EVIDENCE_CONTRIBUTOR, team=team)
    client.force_login(person)
    return person


def item_with(*contents, team=None, **values):
    files = [
        upload(f"results-{n}.json", (c if isinstance(c, str) else json.dumps(c)).encode())
        for n, c in enumerate(contents)
    ]
    release = make.make_release(team=team) if team else make.make_release()
    return make_evidence("benchmark", release=release, files=files, **values)


@pytest.fixture
def item(team):
    return item_with(RESULTS, team=team)


def address(item, file=None):
    page = f"/evidence/evidenceitem/{item.pk}/read-scores/"
    return f"{page}?file={file.pk}" if file else page


def text(response) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def entered(**values):
    return {
        "source": "lm-evaluation-harness 0.4.13",
        "ran_at": "2026-11-20T06:50",
        "completeness": "complete",
        "unit": "fraction",
        "reason": make.WHY,
        **values,
    }


def rows(response):
    return {row.score.name: row for row in response.context["form"].rows}


# --- The verb -------------------------------------------------------------------------------------


def given(item, choices, **values):
    file = item.files.get()
    return transitions.give_read_scores(
        item.pk,
        **{
            "file": file,
            "result": reading.read_kept(file),
            "choices": choices,
            "ran_at": clock.now(),
            "source": "harness",
            "actor": contributor(),
            "reason": make.WHY,
            **values,
        },
    )


def targets():
    return {target.name: target for target in newest_targets(contributor())}


def test_runs_of_several_suites_are_given_in_one_change(item, boolq):
    suite("wiki", {"name": "ppl", "higher_is_better": False})
    before = Head.objects.get().position
    known = targets()
    runs = given(
        item,
        [
            Choice(0, known["boolq v1 acc"], unit="fraction"),
            Choice(4, known["wiki v1 ppl"]),
        ],
    )
    assert len({run.change_id for run in runs}) == 1
    assert Head.objects.get().position > before
    acc = runs[0].scores.get()
    assert (acc.text, acc.stderr, acc.samples, acc.filter) == ("0.75", "0.0125", 40, "")
    config = EvaluationRun.objects.get(pk=runs[0].pk).config
    assert config["tool"] == "lm-evaluation-harness"
    assert config["read_from"]["sha256"] == item.files.get().sha256
    assert config["details"]["version"] == "0.4.13"
    assert runs[0].completeness == "complete"


def test_a_file_is_given_once_for_a_suite_version(item, boolq):
    choice = Choice(0, targets()["boolq v1 acc"], unit="fraction")
    given(item, [choice])
    with pytest.raises(Conflict, match="boolq v1 were read from this file"):
        given(item, [choice])
    assert EvaluationRun.objects.count() == 1


def test_a_partial_run_is_never_complete(boolq):
    item = item_with(inspect(status="cancelled"))
    choice = Choice(0, targets()["boolq v1 acc"], unit="fraction")
    with pytest.raises(Refused, match="It is not a full run"):
        given(item, [choice])
    (run,) = given(item, [choice], completeness="partial")
    assert run.completeness == "partial"


def test_what_cannot_be_given_leaves_nothing(item, boolq):
    known = targets()
    before = Head.objects.get().position
    with pytest.raises(Refused, match="Confirm it"):
        given(item, [Choice(0, known["boolq v1 acc"])])
    with pytest.raises(Refused, match="less is better"):
        given(item, [Choice(4, known["boolq v1 acc"], unit="fraction")])
    with pytest.raises(Refused, match="one of this item"):
        given(item, [Choice(4, known["boolq v1 acc"])], file=item_with(RESULTS).files.get())
    with pytest.raises(NotAllowed):
        given(item, [Choice(0, known["boolq v1 acc"], unit="fraction")], actor=make.registrar())
    assert EvaluationRun.objects.count() == 0
    assert Head.objects.get().position > before  # the other item


# --- Reading kept files ---------------------------------------------------------------------------


def test_bytes_that_were_swapped_or_lost_are_refused(item):
    file = item.files.get()
    path = Path(storage.storage().path(storage.path_of(file.sha256)))
    path.chmod(0o600)
    path.write_bytes(b"{}")
    assert "not those that were given" in reading.read_kept(file).message
    path.unlink()
    assert "cannot be read from the storage" in reading.read_kept(file).message


def test_the_same_bytes_are_read_once_and_refusals_are_not_remembered(item, monkeypatch):
    file = item.files.get()
    assert reading.read_kept(file).outcome == "ok"
    monkeypatch.setattr(reading, "read_open_file", lambda *_: refused("", None, "No."))
    again = reading.read_kept(EvidenceFile(name="other.json", sha256=file.sha256))
    assert (again.outcome, again.file) == ("ok", "other.json")
    reading._asked.clear()
    assert reading.read_kept(file).outcome == "refused"
    monkeypatch.undo()
    assert reading.read_kept(file).outcome == "ok"


def test_a_page_does_not_wait_for_a_long_file(client, gives, item, slow):
    page = client.get(address(item))
    assert page.status_code == 200 and "The file is being read." in text(page)
    for _ in range(200):
        if "0 % is read after" in text(client.get(address(item))):
            break
        sleep(0.05)
    else:
        raise AssertionError("It never says how far it is.")
    posted = client.post(address(item), entered())
    assert (posted.status_code, "being read again" in text(posted)) == (422, True)
    slow.set()
    reading._asked[item.files.get().sha256].result(timeout=60)
    assert "This is what the file says" in text(client.get(address(item)))


def test_only_so_many_files_wait_to_be_read(item, slow, monkeypatch):
    monkeypatch.setattr(reading, "MOST_WAITING", 1)
    assert reading.read_kept(item.files.get()) is None
    other = EvidenceFile(name="other.json", sha256="0" * 64)
    assert "Try again in a minute" in reading.read_kept(other).message
    assert reading.read_kept(item.files.get()) is None


def test_how_far_a_reading_is_is_where_its_child_stands(team, monkeypatch):
    # Bytes of its own: those of other tests may still be read.
    file, seen = item_with({"lines": ["a line"] * 100}, team=team).files.get(), []
    size = file.size

    def half(copy, *args):
        subprocess.run(["/bin/dd", f"bs={size // 2}", "count=1"], stdin=copy, capture_output=True)
        seen.append(reading.progress_of(file.sha256))
        return refused("", None, "No.")

    monkeypatch.setattr(reading, "read_open_file", half)
    assert reading.progress_of(file.sha256) is None
    reading.read_kept(file)
    assert seen == [reading.Progress(percent=100 * (size // 2) // size, seconds=0)]
    assert reading.progress_of(file.sha256) is None


@pytest.fixture
def slow(monkeypatch):
    """Let files be read only once this is set, and pages not wait for it."""
    go, read = Event(), reading.read_open_file
    monkeypatch.setattr(reading, "PATIENCE", 0.01)
    monkeypatch.setattr(reading, "MORE_PATIENCE", 0.01)
    monkeypatch.setattr(reading, "read_open_file", lambda *args: go.wait(60) and read(*args))
    yield go
    go.set()


# --- The page -------------------------------------------------------------------------------------


def test_the_page_shows_what_the_file_says_and_suggests(client, gives, item, boolq):
    before = Head.objects.get().position
    response = client.get(address(item))
    assert response.status_code == 200 and Head.objects.get().position == before
    shown = text(response)
    assert "lm-evaluation-harness 0.4.13" in shown and "org/model" in shown
    assert "boolq f1 none: nan is no number" in shown
    found = rows(response)
    assert set(found) == {"boolq acc none", "gsm em strict", "gsm em loose", "wiki ppl none"}
    assert found["boolq acc none"].metric.value() == "boolq v1 acc"
    assert (
        found["gsm em strict"].metric.value() is None or not found["gsm em strict"].metric.value()
    )
    form = response.context["form"]
    assert form["source"].value() == "lm-evaluation-harness 0.4.13"
    assert f"{form['ran_at'].value():%Y-%m-%d %H:%M}" == "2026-11-23 06:50"


def test_scores_are_given_as_chosen(client, gives, item, boolq):
    row = suite("gsm", {"name": "em", "unit": "%"}, {"name": "em_loose"})
    published(row.suite, {"name": "other"})
    chosen = {
        "rows.0.metric": "boolq v1 acc",
        "rows.2.metric": "gsm v1 em_loose",  # of an older version, typed by hand
        "rows.2.keeps": "on",
    }
    done = client.post(address(item), entered(**chosen))
    assert (done.status_code, done.url) == (302, item.get_absolute_url()), text(done)
    first, second = EvaluationRun.objects.order_by("pk")
    assert [str(first.suite_version), str(second.suite_version)] == ["boolq v1", "gsm v1"]
    assert (first.given_by, first.source) == (gives, "lm-evaluation-harness 0.4.13")
    assert second.scores.get().filter == "strict"
    accept(first)
    shown = text(client.get(item.get_absolute_url()))
    assert "Read from “results-0.json”" in shown and "boolq acc none" in shown


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"rows.0.metric": "nonsense"}, "There is no metric “nonsense”."),
        ({"rows.0.metric": "boolq v99999999999999 acc"}, "There is no metric"),
        ({"rows.0.metric": "boolq v1 acc", "unit": ""}, "Confirm it."),
        ({"rows.0.metric": "boolq v1 acc", "rows.0.unit": "%"}, "kept in “fraction”, not in “%”"),
        ({"rows.4.metric": "boolq v1 acc"}, "less is better"),
        ({"rows.0.metric": "boolq v1 acc", "rows.2.metric": "boolq v1 acc"}, "given twice"),
        ({}, "Say of one figure at least"),
        ({"rows.0.metric": "boolq v1 acc", "ran_at": ""}, "Say when it was run."),
        ({"rows.0.metric": "boolq v1 acc", "ran_at": "2999-01-01T00:00"}, "in the future"),
    ],
)
def test_what_stands_in_the_way_is_said_at_its_field(client, gives, item, boolq, values, said):
    response = client.post(address(item), entered(**values))
    assert response.status_code == 422
    assert said in text(response)
    assert EvaluationRun.objects.count() == 0


def test_a_partial_run_is_given_as_such(client, gives, team, boolq):
    item = item_with(inspect(status="error", error={"message": "out of memory"}), team=team)
    page = text(client.get(address(item)))
    assert "This is not a full run" in page and "out of memory" in page
    complete = client.post(address(item), entered(**{"rows.0.metric": "boolq v1 acc"}))
    assert complete.status_code == 422
    values = {"rows.0.metric": "boolq v1 acc", "completeness": "partial"}
    assert client.post(address(item), entered(**values)).status_code == 302
    shown = text(client.get(item.get_absolute_url()))
    assert "Partial: it counts only where" in shown and "out of memory" in shown


def test_a_red_team_is_shown_typed(client, gives, team):
    suite("jailbreaks", {"name": "asr", "higher_is_better": False, "unit": "fraction"})
    item = item_with(garak(), team=team)
    page = text(client.get(address(item)))
    assert "class dan" in page and "1 of 4" in page and "not rated" in page
    values = {"rows.0.metric": "jailbreaks v1 asr", "unit": ""}
    assert client.post(address(item), entered(**values)).status_code == 302
    assert "class dan" in text(client.get(item.get_absolute_url()))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"anything": 1}, "There are no scores to take."),
        (json.dumps(lm_eval())[:-2], "This file cannot be read."),
    ],
)
def test_a_file_without_scores_says_so_and_gives_nothing(client, gives, team, content, said):
    item = item_with(content, team=team)
    assert said in text(client.get(address(item)))
    posted = client.post(address(item), entered())
    assert posted.status_code == 422 and "Choose a file with scores first." in text(posted)


def test_of_several_files_one_is_chosen(client, gives, team):
    item = item_with(RESULTS, garak(), team=team)
    page = client.get(address(item))
    assert "Which file?" in text(page) and "results-1.json" in text(page)
    second = item.files.order_by("pk")[1]
    assert "garak" in text(client.get(address(item, second)))
    for wrong in ("x", "0", str(item_with(RESULTS).files.get().pk)):
        assert "Which file?" in text(client.get(f"{address(item)}?file={wrong}"))


def test_an_item_without_files_or_a_right_offers_nothing(client, gives, team, item, monkeypatch):
    bare = make_evidence("benchmark", release=make.make_release(team=team))
    assert "No file is attached" in text(client.get(address(bare)))
    assert client.post(address(bare), entered()).status_code == 422

    def never(file, **more):
        raise AssertionError("It was read for somebody who may not give scores.")

    monkeypatch.setattr("evidence.reading_forms.read_kept", never)
    with clock.at(item.expires_at):
        assert "This item has ended" in text(client.get(address(item)))
        assert client.post(address(item), entered()).status_code == 409
    client.force_login(make.make_person("vera", Role.VIEWER, team=team))
    for response in (client.get(address(item)), client.post(address(item), entered())):
        assert response.status_code == 403
        assert "evidence contributor" in text(response)
    client.force_login(make.make_person("olga", Role.EVIDENCE_CONTRIBUTOR, team=make.make_team()))
    assert client.get(address(item)).status_code == 404


def test_a_long_file_asks_no_more_queries_and_counts_what_is_left_out(client, gives, team, boolq):
    def cost(count):
        results = {f"t{n}": {"acc,none": 0.5} for n in range(count)}
        item = item_with(lm_eval(results), team=team)
        client.get(address(item))
        with CaptureQueriesContext(connection) as queries:
            page = client.get(address(item))
        return len(queries), page

    few, _ = cost(1)
    for _ in range(3):
        suite(make.name("more"), {"name": "acc"})
    many, page = cost(160)
    assert few == many
    assert "And 10 more than a page asks about." in text(page)


# --- In a browser ---------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_reading_in_a_browser(page, live_server, assert_accessible, team, boolq):
    make.make_person("gina", Role.EVIDENCE_CONTRIBUTOR, team=team)
    item = item_with(RESULTS, team=team)
    page.goto(f"{live_server.url}/login/")
    page.locator("#id_username").fill("gina")
    page.locator("#id_password").fill(make.PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(f"{live_server.url}/")
    page.goto(live_server.url + item.get_absolute_url())
    page.get_by_role("link", name="Read scores from a file…").click()
    expect(page.get_by_text("This is what the file says")).to_be_visible()
    for width in (1400, 360):
        page.set_viewport_size({"width": width, "height": 900})
        assert_accessible()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.get_by_label("Unit of every figure").select_option("fraction")
    page.get_by_label("Reason").fill("Measured last night.")
    page.get_by_role("button", name="Give these scores").click()
    expect(page.get_by_text("The scores are given.")).to_be_visible()
    assert_accessible()
    assert EvaluationRun.objects.get().scores.get().text == "0.75"
