"""What a request may bring: within bounds, whole, and never all threads at once."""

from threading import Event, Thread

import pytest
from django.db import OperationalError, connections
from django.test import Client
from django.urls import reverse

from evidence import incoming, uploading
from evidence.models import EvidenceItem
from registry.roles import Role
from tests.evidence.make import answers_to, make_evidence, upload
from tests.make import make_person, make_release, make_team

pytestmark = pytest.mark.django_db


@pytest.fixture
def release():
    return make_release(team=make_team())


@pytest.fixture
def address(client, release):
    client.force_login(make_person("gina", Role.EVIDENCE_CONTRIBUTOR, team=release.use_case.team))
    add = reverse("admin:evidence_evidenceitem_add")
    return f"{add}?kind=safety_check&release={release.pk}"


def entered(**changed) -> dict:
    answers = {f"answers.{key}": text for key, text in answers_to("safety_check").items()}
    values = {
        "title": "Typed by hand",
        "verdict": "pass",
        "standing": "internal",
        "vouched_by": "Safety team",
        "reason": "For November.",
        **answers,
    }
    return values | changed


def parts() -> list:
    return list(incoming.folder().glob("*.part")) if incoming.folder().is_dir() else []


def test_an_upload_is_written_once_and_leaves_no_part(client, address):
    assert client.post(address, entered(files=[upload()])).status_code == 302
    assert EvidenceItem.objects.get().files.get().size == 10
    assert parts() == []


@pytest.mark.parametrize(
    ("limits", "status", "says"),
    [
        ({"EVIDENCE_FILE_MAX_BYTES": 4}, 413, "the most a file may have"),
        ({"EVIDENCE_ITEM_MAX_BYTES": 4}, 413, "Give them as several items"),
        ({"EVIDENCE_ITEM_MAX_FILES": 0}, 422, "Give a zip of them"),
        ({"EVIDENCE_PROMOTION_MAX_BYTES": 4}, 413, "one promotion may rest on"),
    ],
)
def test_what_is_too_much_keeps_what_was_typed(client, address, settings, limits, status, says):
    for name, value in limits.items():
        setattr(settings, name, value)
    answer = client.post(address, entered(files=[upload()]))
    assert answer.status_code == status
    assert says in answer.content.decode()
    assert "Typed by hand" in answer.content.decode()
    assert "Choose the files again" in answer.content.decode()
    assert not EvidenceItem.objects.exists()
    assert parts() == []


def test_a_full_disk_is_said_in_words_and_keeps_what_was_typed(client, address, monkeypatch):
    def full(*args):
        raise OSError(28, "No space left on device")

    for where in ("evidence.incoming.Part.write", "evidence.incoming.Part.finish"):
        with monkeypatch.context() as patched:
            patched.setattr(where, full)
            answer = client.post(address, entered(files=[upload()]))
        assert answer.status_code == 507
        assert "the storage for evidence is full" in answer.content.decode()
        assert "Typed by hand" in answer.content.decode()
    assert parts() == []
    assert client.post(address, entered(files=[upload()])).status_code == 302


@pytest.mark.parametrize("told", ["database or disk is full", "locked"])
def test_a_full_database_is_told_from_a_busy_one(client, address, monkeypatch, told):
    def fail(*args, **kwargs):
        raise OperationalError(told)

    monkeypatch.setattr("evidence.transitions.give", fail)
    answer = client.post(address, entered())
    assert answer.status_code == (507 if "full" in told else 503)
    assert "Nothing was changed" in answer.content.decode()


def test_bodies_have_an_end(client, address, settings):
    settings.BODY_MAX_BYTES = 1000
    assert client.post("/login/", {"username": "x" * 2000}).status_code == 413

    def long():
        return entered(files=[upload(content=b"x" * 2000)])

    # Files are taken from whoever signed in, where files are taken.
    assert client.post(address, long()).status_code == 302
    assert client.post("/registry/team/add/", long()).status_code == 413
    signed_out = Client().post(address, long())
    assert signed_out.status_code == 403
    assert "You are signed out." in signed_out.content.decode()
    told = Client().post("/api/v1/models/", long())
    assert (told.status_code, told["Content-Type"]) == (413, "application/problem+json")


def test_a_script_is_told_where_to_go_on(client, address):
    headers = {"X-Requested-With": "XMLHttpRequest"}
    answer = client.post(address, entered(files=[upload()]), headers=headers)
    assert answer.status_code == 201
    assert answer.json() == {"location": EvidenceItem.objects.get().get_absolute_url()}


def test_a_form_that_ends_early_gives_nothing(client, address):
    body = (
        b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.txt"\r\n\r\nhalf a file'
    )
    answer = client.post(address, body, content_type="multipart/form-data; boundary=x")
    assert answer.status_code == 400
    assert parts() == []


def test_a_connection_that_breaks_leaves_nothing():
    class Broken:
        left = [b"--x\r\nContent-Disposition: form-data; name=", b""]

        def read(self, *args):
            return self.left.pop(0)

    body = uploading.BodyAsSent(Broken(), 1000)
    body.read(64)
    with pytest.raises(uploading.CutOff):
        body.read(64)


@pytest.mark.django_db(transaction=True)
def test_a_process_keeps_a_thread_for_everybody_else(settings, monkeypatch, release):
    person = make_person("gina", Role.EVIDENCE_CONTRIBUTOR, team=release.use_case.team)
    add = f"{reverse('admin:evidence_evidenceitem_add')}?kind=safety_check&release={release.pk}"
    item = make_evidence(release=release)
    begun, go_on, answers = [Event() for _ in range(3)], Event(), []
    original = incoming.Part.write

    def slowly(part, chunk):
        next(event for event in begun if not event.is_set()).set()
        go_on.wait(20)
        original(part, chunk)

    monkeypatch.setattr(incoming.Part, "write", slowly)
    handler = Client()  # one handler, so one process, for all of them

    def send():
        client = Client()
        client.handler = handler.handler
        client.force_login(person)
        answers.append(client.post(add, entered(files=[upload()])))
        connections.close_all()

    threads = [Thread(target=send) for _ in range(3)]
    for thread in threads:
        thread.start()
    assert all(event.wait(10) for event in begun)
    handler.force_login(person)
    answer = handler.post(add, entered(files=[upload()]))
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    assert "Other uploads are under way" in answer.content.decode()
    assert handler.get(item.get_absolute_url()).status_code == 200
    go_on.set()
    for thread in threads:
        thread.join()
    assert [answer.status_code for answer in answers] == [302, 302, 302]
