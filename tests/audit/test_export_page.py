"""The log taken home from its page: streamed, recorded, and whole."""

import io
import json
import zipfile
from io import StringIO

import pytest

from audit import checkpoints, exporting, keys
from audit.models import Entry, LogExport
from audit.verify_audit import main
from tests import make

pytestmark = pytest.mark.django_db


def test_it_comes_in_pieces_is_recorded_and_holds(client, tmp_path, monkeypatch):
    monkeypatch.setattr(exporting, "CHUNK", 10)
    make.make_release()
    auditor = make.make_person(make.name("reads"), "auditor")
    client.force_login(auditor)
    assert b"Nothing is signed here yet." in client.get("/audit/export/").content
    assert client.post("/audit/export/", {"reason": ""}).status_code == 422
    assert not LogExport.objects.exists()
    answer = client.post("/audit/export/", {"reason": "For the audit of the year."})
    assert answer["Content-Type"] == "application/zip"
    # Recorded before the first byte leaves.
    entry = Entry.objects.get(event="log.exported")
    assert entry.change.actor == auditor
    pieces = list(answer.streaming_content)
    assert len(pieces) > 3
    (tmp_path / "log.zip").write_bytes(b"".join(pieces))
    (tmp_path / "keys.json").write_text(json.dumps(keys.jwk_set()))
    (tmp_path / "mine").write_text(checkpoints.latest().note)
    out = StringIO()
    given = ["--keys", str(tmp_path / "keys.json"), "--checkpoint", str(tmp_path / "mine")]
    assert main(["export", str(tmp_path / "log.zip"), *given], out) == 0, out.getvalue()
    size = checkpoints.latest().size
    assert answer["Content-Disposition"] == f'attachment; filename="gatehouse-log-{size}.zip"'
    # It is what the command writes.
    written = io.BytesIO()
    with exporting.Archive(written) as target:
        exporting.export(target, size)
    names = zipfile.ZipFile(written).namelist()
    with zipfile.ZipFile(io.BytesIO(b"".join(pieces))) as taken:
        assert taken.namelist() == names
        assert taken.read("entries.ndjson").count(b"\n") == size
