"""One range of a file, whatever is asked."""

import pytest
from django.urls import reverse

from evidence.ranges import NONE_OF_IT, asked
from registry.roles import Role
from tests.evidence.make import make_evidence, upload
from tests.make import make_person

ETAG = '"abc"'


@pytest.mark.parametrize(
    ("header", "if_range", "expected"),
    [
        ("bytes=0-3", "", (0, 3)),
        ("bytes=4-", "", (4, 9)),
        ("bytes=-3", "", (7, 9)),
        ("bytes=-99", "", (0, 9)),
        ("bytes=8-99", "", (8, 9)),
        ("bytes=0-3", ETAG, (0, 3)),
        ("bytes=0-3", '"other"', None),
        ("bytes=0-3", "Wed, 21 Oct 2026 07:28:00 GMT", None),
        ("bytes=10-", "", NONE_OF_IT),
        ("bytes=-0", "", NONE_OF_IT),
        ("bytes=3-1", "", None),
        ("bytes=0-1,4-5", "", None),
        ("bytes=-", "", None),
        ("items=0-3", "", None),
        ("bytes=٣-٤", "", None),
        (f"bytes={'9' * 400}-", "", None),
        ("", "", None),
    ],
)
def test_what_a_header_asks_for(header, if_range, expected):
    assert asked(header, if_range, size=10, etag=ETAG) == expected


@pytest.mark.django_db
def test_a_part_of_a_file_is_handed_out_like_the_whole(client):
    file = make_evidence(files=[upload(content=b"0123456789")]).files.get()
    client.force_login(make_person("", Role.VIEWER))
    address = reverse("admin:evidence_file", args=[file.item_id, file.pk])

    def ask(status, **headers):
        answer = client.get(address, headers=headers)
        assert answer.status_code == status
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert answer["Content-Security-Policy"] == "sandbox; default-src 'none'"
        body = b"".join(answer.streaming_content) if answer.streaming else answer.content
        if answer.streaming:
            assert answer["Content-Disposition"] == 'attachment; filename="report.txt"'
            assert int(answer["Content-Length"]) == len(body)
        return answer, body

    whole, body = ask(200)
    assert body == b"0123456789"
    assert whole["Accept-Ranges"] == "bytes"
    part, body = ask(206, Range="bytes=2-5")
    assert (part["Content-Range"], body) == ("bytes 2-5/10", b"2345")
    assert ask(206, Range="bytes=-1", **{"If-Range": whole["ETag"]})[1] == b"9"
    assert ask(200, Range="bytes=-1", **{"If-Range": '"older"'})[1] == b"0123456789"
    assert ask(416, Range="bytes=10-")[0]["Content-Range"] == "bytes */10"
    assert ask(304, **{"If-None-Match": whole["ETag"]})[1] == b""
    head = client.head(address, headers={"Range": "bytes=0-0"})
    assert (head.status_code, head["Content-Length"]) == (200, "10")
