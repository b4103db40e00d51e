"""Files are handed out to whoever sees their item, as attachments that nothing renders."""

from pathlib import Path

import pytest
from django.urls import reverse

from evidence import storage
from registry.roles import Role
from tests.evidence.make import make_evidence, upload, zipped
from tests.make import make_model, make_model_version, make_person, make_release, make_team

pytestmark = pytest.mark.django_db


def url(file) -> str:
    return reverse("admin:evidence_file", args=[file.item_id, file.pk])


@pytest.fixture
def team():
    return make_team()


@pytest.fixture
def file(team):
    return make_evidence(release=make_release(team=team), files=[upload()]).files.get()


@pytest.fixture
def alice(client, team):
    alice = make_person("alice", Role.VIEWER, team=team)
    client.force_login(alice)
    return alice


def test_it_is_an_attachment_that_no_browser_renders(client, alice, file):
    response = client.get(url(file))
    assert b"".join(response.streaming_content) == b"All good.\n"
    assert response["Content-Disposition"] == 'attachment; filename="report.txt"'
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert response["Content-Type"] == "text/plain; charset=utf-8"
    assert response["ETag"] == f'"{file.sha256}"'


@pytest.mark.parametrize(
    ("name", "content", "served_as"),
    [
        ("run.jsonl", b'{"a": 1}\n', "application/octet-stream"),
        ("logs.zip", zipped(), "application/octet-stream"),
        ("log.eval", zipped(), "application/octet-stream"),
        ("report.pdf", b"%PDF-1.7 rest", "application/pdf"),
        ("scores.json", b"{}", "application/json"),
    ],
)
def test_its_type_is_fixed_by_us(client, alice, team, name, content, served_as):
    item = make_evidence(release=make_release(team=team), files=[upload(name, content)])
    assert client.get(url(item.files.get()))["Content-Type"] == served_as


def test_its_name_is_right_in_any_language(client, alice, team):
    item = make_evidence(release=make_release(team=team), files=[upload("Prüfung 報告.txt")])
    assert (
        client.get(url(item.files.get()))["Content-Disposition"]
        == "attachment; filename*=utf-8''Pr%C3%BCfung%20%E5%A0%B1%E5%91%8A.txt"
    )


def test_a_stranger_finds_nothing(client, file):
    client.force_login(make_person("charlie", Role.EVIDENCE_CONTRIBUTOR, team=make_team()))
    assert client.get(url(file)).status_code == 404
    assert client.get(file.item.get_absolute_url()).status_code == 404


def test_somebody_without_a_role_finds_nothing(client, file):
    client.force_login(make_person("nobody"))
    assert client.get(url(file)).status_code == 404


def test_anonymous_is_sent_to_sign_in(client, file):
    response = client.get(url(file))
    assert response.status_code == 302
    assert response["Location"].startswith("/login/")


def test_a_shared_model_shows_its_evidence_to_every_team(client):
    version = make_model_version(model=make_model(shared=True), sealed=True)
    file = make_evidence(version=version, files=[upload()]).files.get()
    client.force_login(make_person("", Role.VIEWER, team=make_team()))
    assert client.get(url(file)).status_code == 200


def test_a_file_is_found_under_its_own_item_alone(client, alice, team, file):
    other = make_evidence(release=make_release(team=team))
    address = reverse("admin:evidence_file", args=[other.pk, file.pk])
    assert client.get(address).status_code == 404


@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_it_is_only_read(client, alice, file, method):
    assert getattr(client, method)(url(file)).status_code == 405


def test_swapped_and_lost_bytes_are_not_handed_out(client, alice, file):
    path = Path(storage.storage().path(storage.path_of(file.sha256)))
    path.write_bytes(b"Not good.\n")
    response = client.get(url(file))
    assert response.status_code == 503
    assert b"are not those that were given" in response.content
    path.unlink()
    response = client.get(url(file))
    assert response.status_code == 503
    assert b"cannot be read" in response.content
