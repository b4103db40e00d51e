"""Evidence from pipelines: one address, one token of one team, one item for each key."""

import json
from io import StringIO
from threading import Barrier, Thread

import pytest
from django.core.files.base import ContentFile
from django.core.management import CommandError, call_command
from django.db import connection, connections
from django.test import Client
from django.test.utils import CaptureQueriesContext

from audit.models import Entry
from evidence import giving, storage
from evidence.models import Delivery, EvidenceFile, EvidenceItem
from registry.roles import REVIEWING, Role
from tests import make
from tests.api.reading import Reader, assert_problem
from tests.evidence.make import answers_to, make_evidence, upload

pytestmark = pytest.mark.django_db

ADDRESS = "/ingest/v1/evidence/"


@pytest.fixture
def release():
    return make.make_release(team=make.make_team())


class Pipeline:
    """Sends what a pipeline sends; a fault shows as the 500 that it would see."""

    def __init__(self, release, *roles, token=None):
        self.release, self.team = release, release.use_case.team
        self.robot = make.make_service(
            make.name("robot"), *(roles or (Role.EVIDENCE_CONTRIBUTOR,)), team=self.team
        )
        self.token = token or make.make_token(self.robot, scope="evidence", team=self.team)
        self.client = Client(raise_request_exception=False)

    def values(self, **changed) -> dict:
        values = {
            "release": self.release.digest,
            "kind": "safety_check",
            "title": "Nightly safety check",
            "verdict": "pass",
            "vouched_by": "Safety team",
            "answers": json.dumps(answers_to("safety_check")),
            "files": [ContentFile(b'{"failed": 0}', name="report.json")],
        }
        return {name: value for name, value in (values | changed).items() if value is not None}

    def send(self, *, key="", address=ADDRESS, **changed):
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        if key:
            headers["Idempotency-Key"] = key
        return self.client.post(address, self.values(**changed), headers=headers)


@pytest.fixture
def pipeline(release):
    return Pipeline(release)


def test_an_item_is_given_whole_and_answered_as_it_is_read(pipeline, release):
    answer = pipeline.send(reason="Run 42 of the nightly build.")
    assert answer.status_code == 201, answer.content
    item = EvidenceItem.objects.get()
    assert answer["Location"] == f"/api/v1/evidence/{item.pk}/"
    assert answer["Cache-Control"] == "no-store"
    read = Reader(make.make_token(make.make_person("", Role.VIEWER))).get(f"evidence/{item.pk}/")
    assert answer.json() == read.json()
    assert answer.json()["files"][0]["scan"] == "not_scanned"
    assert (item.author, item.release) == (pipeline.robot, release)
    assert storage.open_file(item.files.get().sha256).read() == b'{"failed": 0}'
    entry = Entry.objects.get(event="evidence.given")
    assert entry.change.reason == "Run 42 of the nightly build."
    assert json.loads(entry.body)["via"].startswith("token:")


def test_a_version_is_named_by_id_or_by_name(pipeline, release):
    version = release.model_version
    owner = make.make_service("", Role.EVIDENCE_CONTRIBUTOR, team=version.model.team)
    pipeline.token = make.make_token(owner, scope="evidence", team=version.model.team)
    for named in (str(version.pk), f"{version.model.slug}/{version.version}"):
        assert pipeline.send(release=None, version=named).status_code == 201
    assert EvidenceItem.objects.filter(version=version).count() == 2


# Once


def test_the_same_sent_again_is_one_item(pipeline):
    first, again = pipeline.send(key="build-42"), pipeline.send(key="build-42")
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert EvidenceItem.objects.count() == Delivery.objects.count() == 1
    assert pipeline.send(key="build-43").status_code == 201


@pytest.mark.parametrize(
    "changed",
    [
        {"title": "Another"},
        {"files": [ContentFile(b'{"failed": 1}', name="report.json")]},
        {"files": [ContentFile(b'{"failed": 0}', name="other.json")]},
        {"files": []},
    ],
)
def test_a_key_stands_for_one_body(pipeline, changed):
    pipeline.send(key="build-42")
    assert_problem(pipeline.send(key="build-42", **changed), 409, "Idempotency-Key")
    assert EvidenceItem.objects.count() == 1


def test_a_key_is_its_givers_own(pipeline, release):
    pipeline.send(key="build-42")
    assert Pipeline(release).send(key="build-42").status_code == 201


@pytest.mark.parametrize("key", ["a b", "ü", "x" * 201, "a\x00b"])
def test_a_key_is_plain(pipeline, key):
    assert pipeline.send(key=key).status_code == 400
    assert not EvidenceItem.objects.exists()


def test_what_was_refused_may_be_sent_again_under_its_key(pipeline):
    assert pipeline.send(key="build-42", verdict="perhaps").status_code == 422
    assert pipeline.send(key="build-42").status_code == 201


@pytest.mark.django_db(transaction=True)
def test_two_that_send_the_same_at_once_get_the_same_item(release):
    pipeline, start, answers = Pipeline(release), Barrier(4), []

    def send():
        client = Client()
        start.wait()
        headers = {"Authorization": f"Bearer {pipeline.token}", "Idempotency-Key": "build-42"}
        answers.append(client.post(ADDRESS, pipeline.values(), headers=headers))
        connections.close_all()

    threads = [Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answer.status_code for answer in answers) in (
        [200, 200, 200, 201],
        # One process takes three at a time.
        [200, 200, 201, 503],
    )
    assert EvidenceItem.objects.count() == 1


# Refused, each in words


def test_who_may_not(pipeline, release):
    whole = pipeline.token
    pipeline.token = ""
    assert_problem(pipeline.send(), 401)
    pipeline.token = "ghs_nobody"
    assert_problem(pipeline.send(), 401)
    pipeline.token = make.make_token(pipeline.robot)
    assert "scope read" in assert_problem(pipeline.send(), 403)["detail"]
    viewer = Pipeline(release, Role.VIEWER)
    assert "evidence contributor" in assert_problem(viewer.send(), 403, "")["detail"]
    pipeline.token = whole
    reader = Reader(whole)
    assert_problem(reader.get("evidence/"), 403)
    assert not EvidenceItem.objects.exists()


#: What a service account may hold, but for administrators, who are for all teams.
HELD = [role for role in Role if role not in (*REVIEWING, Role.ADMINISTRATOR)]


@pytest.mark.parametrize("role", HELD)
def test_one_role_gives(release, role):
    answer = Pipeline(release, role).send()
    assert answer.status_code == (201 if role == Role.EVIDENCE_CONTRIBUTOR else 403)


def test_a_subject_of_another_team(pipeline):
    other = make.make_release(team=make.make_team())
    assert_problem(pipeline.send(release=other.digest), 404, "release")
    make.grant(pipeline.robot, Role.VIEWER, team=other.use_case.team)
    answer = assert_problem(pipeline.send(release=other.digest), 403, "release")
    assert "for the team" in answer["detail"]


@pytest.mark.parametrize(
    ("changed", "status", "field"),
    [
        ({"release": "sha256:" + "0" * 64}, 404, "release"),
        ({"release": "../../etc"}, 400, "release"),
        ({"release": "\x00"}, 400, "release"),
        ({"release": None}, 400, "release"),
        ({"version": "1"}, 400, "release"),
        ({"release": None, "version": "9" * 30}, 400, "version"),
        ({"release": None, "version": "1; DROP TABLE"}, 400, "version"),
        ({"title": None}, 400, "title"),
        ({"titel": "x"}, 400, "titel"),
        ({"answers": "{"}, 400, "answers"),
        ({"answers": "[]"}, 400, "answers"),
        ({"answers": '{"method": NaN}'}, 400, "answers"),
        ({"answers": '{"a": 1, "a": 2}'}, 400, "answers"),
        ({"answers": "[" * 100_000}, 400, "answers"),
        ({"expires_at": "tomorrow"}, 400, "expires_at"),
        ({"replaces": "it"}, 400, "replaces"),
        ({"reason": "\x00"}, 400, "reason"),
        ({"kind": "horoscope"}, 422, "kind"),
        ({"verdict": "perhaps"}, 422, "verdict"),
        ({"expires_at": "2001-01-01T00:00:00Z"}, 422, "expires_at"),
        ({"replaces": "00000000-0000-4000-8000-000000000000"}, 422, "replaces"),
        ({"answers": '{"method": {"a": [1]}, "result": "x"}'}, 422, "answers.method"),
        ({"files": [ContentFile(b"<svg/>", name="a.svg")]}, 422, "files"),
        ({"files": [ContentFile(b"", name="a.txt")]}, 422, "files"),
    ],
)
def test_what_is_not_taken(pipeline, changed, status, field):
    assert_problem(pipeline.send(**changed), status, field)
    assert not EvidenceItem.objects.exists()


def test_files_have_their_own_name_in_the_form(pipeline):
    answer = pipeline.send(files=None, report=ContentFile(b"x", name="a.txt"))
    assert_problem(answer, 400, "report")


def test_other_bodies_and_methods(pipeline):
    headers = {"Authorization": f"Bearer {pipeline.token}"}
    told = pipeline.client.post(ADDRESS, "{}", content_type="application/json", headers=headers)
    assert_problem(told, 415)
    assert_problem(pipeline.client.get(ADDRESS, headers=headers), 405)
    assert_problem(pipeline.client.get(ADDRESS), 401)
    assert_problem(pipeline.send(address=f"{ADDRESS}?dry=1"), 400, "dry")


def test_what_is_too_large(pipeline, settings):
    settings.EVIDENCE_FILE_MAX_BYTES = 10
    assert_problem(pipeline.send(), 413, "files")
    settings.EVIDENCE_FILE_MAX_BYTES, settings.EVIDENCE_ITEM_MAX_BYTES = 20, 20

    def two():
        return [ContentFile(b"a" * 15, name="a.txt"), ContentFile(b"b" * 15, name="b.txt")]

    assert_problem(pipeline.send(files=two()), 413, "files")
    settings.EVIDENCE_ITEM_MAX_BYTES, settings.EVIDENCE_PROMOTION_MAX_BYTES = 100, 40
    assert pipeline.send(files=two()).status_code == 201
    three = [ContentFile(b"c" * 15, name="c.txt")]
    assert "one promotion" in assert_problem(pipeline.send(files=three), 413, "files")["detail"]
    settings.EVIDENCE_ITEM_MAX_BYTES, settings.EVIDENCE_FILE_MAX_BYTES = 0, 0
    long = pipeline.send(files=[ContentFile(b"d" * 4 * 1024**2, name="d.txt")])
    assert_problem(long, 413)
    assert EvidenceItem.objects.count() == 1


def test_a_body_that_ends_early(pipeline):
    headers = {"Authorization": f"Bearer {pipeline.token}"}
    kind = "multipart/form-data; boundary=x"
    for body in (
        b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.txt"\r\n\r\nhalf a f',
        b'--x\r\nContent-Disposition: form-data; name="title"\r\n\r\nhalf',
        b"--x\r\nContent-Dispo",
        b"nothing of the kind",
    ):
        answer = pipeline.client.post(ADDRESS, body, content_type=kind, headers=headers)
        assert_problem(answer, 400)
        assert "ended before it was complete" in answer.json()["detail"]
    chunked = {"HTTP_TRANSFER_ENCODING": "chunked"}
    answer = pipeline.client.post(ADDRESS, b"", content_type=kind, headers=headers, **chunked)
    assert_problem(answer, 411)
    assert not EvidenceItem.objects.exists()


def test_a_full_disk(pipeline, monkeypatch):
    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("evidence.incoming.Part.write", full)
    assert_problem(pipeline.send(), 507, "files")
    monkeypatch.undo()
    monkeypatch.setattr(storage, "_move", full)
    assert_problem(pipeline.send(), 507, "files")
    monkeypatch.setattr(storage, "_move", lambda *args: (_ for _ in ()).throw(OSError(5, "I/O")))
    assert_problem(pipeline.send(), 503, "files")
    monkeypatch.undo()
    assert not EvidenceItem.objects.exists()
    assert pipeline.send().status_code == 201


def test_one_token_brings_so_many_in_a_time(pipeline, settings):
    settings.EVIDENCE_INGEST_RATE = "2/min"
    assert [pipeline.send().status_code for _ in range(2)] == [201, 201]
    answer = pipeline.send()
    assert_problem(answer, 429)
    assert 0 < int(answer["Retry-After"]) <= 60


def test_a_further_file_costs_a_few_queries_of_its_own_and_no_more(pipeline):
    pipeline.send()
    counts = []
    for number in (1, 5):
        files = [ContentFile(b"%d" % place, name=f"{place}.txt") for place in range(number)]
        with CaptureQueriesContext(connection) as queries:
            assert pipeline.send(files=files).status_code == 201
        counts.append(len(queries))
    assert counts[1] - counts[0] <= 4 * 3, counts


# From disk


@pytest.fixture
def report(tmp_path):
    path = tmp_path / "report.json"
    path.write_text('{"failed": 0}')
    return str(path)


def imported(about, *files, **options) -> str:
    out, actor = StringIO(), make.make_person("", Role.EVIDENCE_CONTRIBUTOR)
    given = {
        "username": options.pop("by", actor.username),
        "release": about.digest,
        "kind": "safety_check",
        "title": "From disk",
        "verdict": "pass",
        "vouched_by": "Safety team",
        "answer": ["method=Two testers.", "result=Nothing."],
    }
    call_command("import_evidence", *files, stdout=out, **(given | options))
    return out.getvalue()


def test_the_command_gives_the_same_from_disk(release, report):
    said = imported(release, report)
    item = EvidenceItem.objects.get()
    assert said == f"“From disk” is given: {item.pk} {item.digest}\n"
    assert item.answers == {"method": "Two testers.", "result": "Nothing."}
    assert item.files.get().name == "report.json"
    assert json.loads(Entry.objects.get(event="evidence.given").body)["via"] == (
        "command:import_evidence"
    )


def test_the_command_gives_once_for_a_key(release, report):
    by = make.make_person("", Role.EVIDENCE_CONTRIBUTOR).username
    assert "is given" in imported(release, report, key="k", by=by)
    assert "was given before" in imported(release, report, key="k", by=by)
    assert EvidenceItem.objects.count() == 1


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"by": "nobody"}, "nobody named nobody"),
        ({"release": "sha256:" + "0" * 64}, "no such release"),
        ({"answer": ["method"]}, "is no answer"),
        ({"answers": "{}"}, "not both"),
    ],
)
def test_the_command_says_what_is_wrong(release, report, options, says):
    with pytest.raises(CommandError, match=says):
        imported(release, report, **options)
    with pytest.raises(CommandError, match="cannot be read"):
        imported(release, "/nowhere/report.json")


# What stands by itself


def test_what_is_kept_of_a_delivery_cannot_be_changed(pipeline):
    pipeline.send(key="build-42")
    with pytest.raises(Exception, match=r"append-only|never"), connection.cursor() as cursor:
        cursor.execute("UPDATE evidence_delivery SET idempotency_key = 'other'")


def test_the_files_of_a_version_count_with_those_of_its_fullest_release(release, settings):
    version = release.model_version
    make_evidence(release=release, files=[upload(content=b"a" * 30)])
    make_evidence(release=make.make_release(version=version), files=[upload(content=b"b" * 20)])
    make_evidence(version=version, files=[upload(content=b"c" * 10)])
    settings.EVIDENCE_PROMOTION_MAX_BYTES = 50
    make_evidence(version=version, files=[upload(content=b"d" * 10)])
    with pytest.raises(storage.TooLarge):
        make_evidence(version=version, files=[upload(content=b"e")])
    assert EvidenceFile.objects.count() == 4


def test_every_field_that_is_read_is_described():
    assert set(giving.NEEDED) < set(giving.FIELDS)
