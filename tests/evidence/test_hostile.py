"""Hostile uploads: each refused in words or kept inert, at both doors; none ends as a failure."""

import io
import json
import urllib.error
import urllib.request

import pytest
from django.core.files.base import ContentFile
from django.test import Client
from django.urls import reverse

from evidence.models import EvidenceFile, EvidenceItem
from registry.roles import Role
from tests import make
from tests.evidence import hostile
from tests.evidence.make import answers_to, make_evidence
from tests.serving import served

BOUNDARY = "multipart/form-data; boundary=bound"
INGEST = "/ingest/v1/evidence/"
NAMED = {
    "kind": "safety_check",
    "title": "Hostile",
    "verdict": "pass",
    "vouched_by": "Nobody",
    "answers": json.dumps(answers_to("safety_check")),
}


@pytest.fixture
def release():
    return make.make_release(team=make.make_team())


@pytest.fixture
def token(release):
    team = release.use_case.team
    robot = make.make_service("", Role.EVIDENCE_CONTRIBUTOR, team=team)
    return make.make_token(robot, scope="evidence", team=team)


@pytest.fixture
def form(release):
    """Send a body to the page, as somebody who may give."""
    client = Client(raise_request_exception=False)
    client.force_login(make.make_person("", Role.EVIDENCE_CONTRIBUTOR, team=release.use_case.team))
    add = reverse("admin:evidence_evidenceitem_add")

    def send(body: bytes):
        address = f"{add}?kind=safety_check&release={release.pk}"
        return client.post(address, body, content_type=BOUNDARY)

    send.client = client
    return send


@pytest.fixture
def page_of_browser(context):
    """A page of a browser that may complain: what the policy stops is what is tried."""
    return context.new_page()


def typed() -> dict[str, str]:
    answers = {f"answers.{key}": text for key, text in answers_to("safety_check").items()}
    return {
        "title": "Hostile",
        "verdict": "pass",
        "standing": "internal",
        "vouched_by": "Nobody",
        "reason": "A test.",
        **answers,
    }


def test_there_are_three_of_each_class_at_least():
    for kind in hostile.KINDS:
        assert sum(one.kind == kind for one in hostile.CORPUS) >= 3, kind
    assert len(hostile.CORPUS) + len(hostile.broken(NAMED)) >= 60


@pytest.mark.django_db
@pytest.mark.parametrize("one", hostile.CORPUS, ids=lambda one: one.id)
def test_the_page_refuses_or_keeps_inert(one, form):
    answer = form(hostile.multipart(typed(), one.name, one.make()))
    if not one.taken:
        assert answer.status_code in (400, 413, 422), answer.status_code
        assert answer.status_code == 400 or "field-error" in answer.content.decode()
        assert not EvidenceItem.objects.exists()
        return
    assert answer.status_code == 302
    assert_inert(form.client, EvidenceFile.objects.get())


@pytest.mark.django_db
@pytest.mark.parametrize("one", hostile.CORPUS, ids=lambda one: one.id)
def test_the_pipelines_address_refuses_or_keeps_inert(one, release, token, form):
    answer = Client(raise_request_exception=False).post(
        INGEST,
        hostile.multipart({**NAMED, "release": release.digest}, one.name, one.make()),
        content_type=BOUNDARY,
        headers={"Authorization": f"Bearer {token}"},
    )
    if not one.taken:
        assert answer.status_code in (400, 413, 422), answer.status_code
        assert answer.json()["detail"]
        assert not EvidenceItem.objects.exists()
        return
    assert answer.status_code == 201
    assert_inert(form.client, EvidenceFile.objects.get())


def assert_inert(client, file: EvidenceFile) -> None:
    """Assert that a file is shown cleaned and handed out as nothing that a browser would run."""
    assert len(file.name) <= 150
    assert not set(file.name) & set("/\\\x00\r\n\u202e\u2066\u2069")
    answer = client.get(reverse("admin:evidence_file", args=[file.item_id, file.pk]))
    assert answer.status_code == 200
    assert answer["Content-Disposition"].startswith("attachment; filename")
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert not any(word in answer["Content-Type"] for word in ("html", "xml", "svg", "script"))
    assert sum(map(len, answer.streaming_content)) == file.size
    shown = client.get(file.item.get_absolute_url()).content.decode()
    assert "<img src=x" not in shown


@pytest.mark.django_db
@pytest.mark.parametrize("wrong", hostile.broken({}))
def test_forms_that_are_none_give_nothing(wrong, release, token, form):
    body = hostile.broken({**NAMED, "release": release.digest})[wrong]
    answer = Client(raise_request_exception=False).post(
        INGEST, body, content_type=BOUNDARY, headers={"Authorization": f"Bearer {token}"}
    )
    assert answer.status_code in (400, 422), answer.content
    assert answer.json()["detail"]
    # To a form that a person fills in, no file is no file.
    taken = (302,) if wrong == "a file without a name" else (400, 422)
    assert form(hostile.broken(typed())[wrong]).status_code in taken
    assert not EvidenceFile.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_no_worker_grows_by_them(release, token):
    """The whole corpus at the real server, one after the other, and the most a worker ever held."""
    with served() as server:

        def send(name, content):
            request = urllib.request.Request(
                server.url + INGEST,
                hostile.multipart({**NAMED, "release": release.digest}, name, content),
                {"Content-Type": BOUNDARY, "Authorization": f"Bearer {token}"},
            )
            try:
                return urllib.request.urlopen(request, timeout=60).status
            except urllib.error.HTTPError as answer:
                return answer.status

        for number in range(4):  # what a worker needs to be awake is no growth
            assert send("warm.txt", b"%d" % number) == 201
        before = server.memory()
        large = io.BytesIO(b"0123456789" * 4_500_000).getvalue()
        for one in (*hostile.CORPUS, hostile.Hostile("large", "large.txt", lambda: large, True)):
            status = send(one.name, one.make())
            assert status in ((201,) if one.taken else (400, 413, 422)), (one.id, status)
        growth = server.memory() - before
    assert growth <= 100 * 1024**2, f"{growth / 1024**2:.0f} MiB"


@pytest.mark.django_db(transaction=True)
def test_none_runs_script_in_a_browser(page_of_browser, live_server, release):
    browser = page_of_browser
    gina = make.make_person("gina", Role.EVIDENCE_CONTRIBUTOR, team=release.use_case.team)
    files = []
    for one in hostile.CORPUS:
        if one.taken and one.kind in ("html", "polyglot", "name", "formula", "traversal"):
            item = make_evidence(
                release=release, files=[ContentFile(one.make(), name=one.name)], title="Hostile"
            )
            files.append(item.files.get())
    client = Client()
    client.force_login(gina)
    cookie = {"name": "sessionid", "value": client.cookies["sessionid"].value}
    browser.context.add_cookies([{**cookie, "url": live_server.url}])
    for file in files:
        browser.goto(live_server.url + file.item.get_absolute_url())
        assert "pwned" not in browser.title()
        address = reverse("admin:evidence_file", args=[file.item_id, file.pk])
        with browser.expect_download() as download:
            browser.evaluate("address => { location.href = address }", address)
        assert download.value.path().stat().st_size == file.size
        # Nor as a frame, a picture or a script of one of our own pages.
        browser.evaluate(
            """address => { for (const kind of ["img", "script", "iframe", "object", "embed"]) {
                 const part = document.createElement(kind);
                 part.src = part.data = address;
                 document.body.append(part);
               } }""",
            address,
        )
        browser.wait_for_timeout(50)
        assert "pwned" not in browser.title()
        assert not browser.evaluate("() => window.pwned")
