"""A signature's record: complete, the same everywhere, and checkable without the server."""

import hashlib
import json

import pytest

from gates.models import PackagePerson
from registry.roles import Role
from tests import make
from tests.api.reading import reader
from tests.gates.stories import WHY, approved

pytestmark = pytest.mark.django_db


@pytest.fixture
def told():
    told = approved()
    told.signed = PackagePerson.objects.get(kind="signer")
    told.address = f"/promotions/{told.promotion.pk}/signatures/{told.signed.pk}/"
    return told


def test_the_signer_downloads_what_they_signed(client, told):
    reviewer = told.signer("reviewer")
    client.force_login(reviewer)
    assert told.address in client.get(f"/promotions/{told.promotion.pk}/").content.decode()
    answer = client.get(told.address)
    assert answer["Content-Disposition"].startswith("attachment;")
    assert answer["X-Content-Type-Options"] == "nosniff"
    file = json.loads(answer.content)
    text = file["record"].encode()
    assert file["digest"] == f"sha256:{hashlib.sha256(text).hexdigest()}"
    record = json.loads(text)
    row = told.signed
    assert record["signer"] == {"id": reviewer.pk, "printed_name": reviewer.name}
    assert (record["role"], record["slot"], record["verdict"]) == (
        "reviewer",
        "reviewer:1",
        "approve",
    )
    assert record["meaning"] == {
        "code": "reviewed",
        "sentence": "I reviewed the evidence and found it sufficient.",
    }
    assert record["reason"] == WHY
    assert record["signed_at"] == f"{row.signed_at:%Y-%m-%dT%H:%M:%S.%f}Z"
    assert record["challenge"] == str(row.challenge_id)
    assert record["authentication"] == {"code": "password", "sentence": "password re-entered"}
    # What was signed is in the file, and both digests are taken over bytes that are in it.
    content = record["package"]["content"].encode()
    assert record["package"]["digest"] == f"sha256:{hashlib.sha256(content).hexdigest()}"
    leaf = hashlib.sha256(b"\x00" + record["entry"]["body"].encode()).hexdigest()
    assert record["entry"]["leaf"] == leaf
    entry = json.loads(record["entry"]["body"])
    assert entry["facts"]["package"] == record["package"]["digest"]
    for said in (reviewer.name, row.package_digest, WHY, str(row.challenge_id), "UTC"):
        assert said in file["text"]


def test_the_printed_name_is_that_of_then(client, told):
    from registry import transitions as registry

    reviewer = told.signer("reviewer")
    then = reviewer.name
    registry.amend_person(reviewer.pk, name="Somebody Else", actor=make.admin(), reason=WHY)
    client.force_login(reviewer)
    record = json.loads(json.loads(client.get(told.address).content)["record"])
    assert record["signer"]["printed_name"] == then


def test_print_and_api_say_the_same(client, told):
    client.force_login(told.signer("reviewer"))
    row = told.signed
    printed = client.get(f"/promotions/{told.promotion.pk}/?view=print").content.decode()
    for said in (row.printed_name, row.package_digest, str(row.challenge_id), told.address):
        assert said in printed
    [said] = reader("auditor").get(f"promotions/{told.promotion.pk}/").json()["sign_offs"]
    assert said["challenge"] == str(row.challenge_id)
    assert said["meaning_sentence"] == "I reviewed the evidence and found it sufficient."
    assert said["authentication_sentence"] == "password re-entered"


def test_what_is_not_a_signature_or_not_seen_is_not_there(client, told):
    involved = PackagePerson.objects.filter(kind="involved").first()
    client.force_login(told.signer("reviewer"))
    base = f"/promotions/{told.promotion.pk}/signatures"
    assert client.get(f"{base}/{involved.pk}/").status_code == 404
    assert client.get(f"/promotions/999/signatures/{told.signed.pk}/").status_code == 404
    client.force_login(make.make_person("", Role.REVIEWER, team=make.make_team()))
    assert client.get(told.address).status_code == 404
    client.force_login(make.make_person("", Role.AUDITOR))
    assert client.get(told.address).status_code == 200
