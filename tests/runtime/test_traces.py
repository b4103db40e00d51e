"""Traces: what becomes a record, what is counted as traffic of nobody, and what is refused."""

import gzip
import json
import re
from datetime import timedelta
from pathlib import Path
from threading import BoundedSemaphore

import pytest
import yaml
from django.core.cache import cache
from django.db import IntegrityError, transaction
from django.test import RequestFactory
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.trace import SpanKind, Status, StatusCode

from audit import clock
from audit.models import Entry
from audit.verifying import verify
from registry.roles import Role
from runtime.models import RecordBatch, RequestRecord, TraceBody, UnattributedTraffic
from runtime.publishing import current
from runtime.records import gaps
from runtime.traces import conventions, keeping, pages, wire
from runtime.traces.ingest import TracesView
from runtime.traces.reading import calls, record_id
from runtime.traces.wire import Span
from tests import make
from tests.runtime.recording import KEYED, Reporting
from tests.runtime.stories import running
from tests.runtime.tracing import JSON, MADE, PROTOBUF, send, shared, tracer

ROOT = Path(__file__).resolve().parents[2]
CHAT = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "mistral_ai",
    "gen_ai.request.model": "mistral-large-latest",
}
NOW = MADE
NANO = int(NOW.timestamp()) * 10**9


def span(resource=None, content=(), failed=False, trace=32 * "a", **attributes) -> Span:
    said = {name.replace("__", "."): value for name, value in attributes.items()}
    return Span(
        trace, 16 * "b", NANO - 2 * 10**9, NANO - 10**9, failed, resource or {}, said, content
    )


def read(*spans):
    return calls(spans, "1", "production", NOW)


# What spans say. No database.


def test_older_names_are_read_and_newer_ones_win():
    old = {
        "gen_ai.system": "az.ai.openai",
        "gen_ai.usage.prompt_tokens": 7,
        "gen_ai.usage.completion_tokens": 3,
    }
    assert conventions.present(old) == {
        "gen_ai.provider.name": "azure.ai.openai",
        "gen_ai.usage.input_tokens": 7,
        "gen_ai.usage.output_tokens": 3,
    }
    both = {"gen_ai.usage.input_tokens": 1, "gen_ai.usage.prompt_tokens": 9}
    assert conventions.present(both) == {"gen_ai.usage.input_tokens": 1}
    # Whatever is renamed is read, and by a name that is read.
    for names in conventions.RENAMED.values():
        assert set(names) | set(names.values()) <= conventions.READ
    assert not {name for name in conventions.READ if conventions.is_content(name)}
    assert conventions.is_content("gen_ai.prompt.0.content")
    assert not conventions.is_content("gen_ai.prompt.name")


def test_only_calls_of_models_count():
    (one,) = read(
        span(gen_ai__operation__name="execute_tool", gen_ai__request__model="x"),
        span(http__method="GET"),
        span(gen_ai__system="openai", gen_ai__request__model="gpt\x00-4\n o"),
    ).traffic
    assert (one.provider, one.model, one.answered_by) == ("openai", "gpt -4 o", "")


def test_a_span_of_ours_becomes_the_record_of_an_outcome():
    release, snapshot = "sha256:" + 64 * "1", "sha256:" + 64 * "2"
    found = read(
        span(
            content=("gen_ai.input.messages",),
            gatehouse__release=release,
            gen_ai__operation__name="chat",
            gen_ai__usage__input_tokens=7,
            gen_ai__conversation__id="with blanks and more",
        ),
        span(
            resource={"gatehouse.release": release, "service.name": "x"},
            failed=True,
            gen_ai__operation__name="chat",
            feature_flag__key="claims-triage",
            feature_flag__version="12",
            feature_flag__set__id=snapshot,
            gatehouse__prompts=[release],
        ),
        # Flags of others are none of ours.
        span(gen_ai__operation__name="chat", feature_flag__key="blue", feature_flag__version="3"),
    )
    first, second = (item.values for item in found.items)
    assert first["id"].version == 7 and first["status"] == "served"
    assert (first["latency_ms"], first["tokens_in"], first["router_seq"]) == (1000, 7, None)
    assert first["erased"] == ["gen_ai.conversation.id", "gen_ai.input.messages"]
    assert (first["began_at"], first["occurred_at"]) == (
        NOW - timedelta(seconds=2),
        NOW - timedelta(seconds=1),
    )
    assert (second["status"], second["failure"]) == ("failed", "error")
    assert (second["generation"], second["snapshot_digest"]) == (12, snapshot)
    assert (second["route"], second["prompts"]) == ("claims-triage", [release])
    assert len(found.traffic) == 1 and not found.refused
    # The same span is the same record, of another router another.
    one = span()
    assert record_id(one, "1") == record_id(one, "1") != record_id(one, "2")


WRONG = {
    "a name for a digest": ({"gatehouse.release": "claims-triage 4"}, "gatehouse.release"),
    "a generation of nothing": ({"gatehouse.generation": 0}, "gatehouse.generation"),
    "a user by name": ({"gatehouse.generation": 1, "gatehouse.user": "bob"}, "gatehouse.user"),
    "another environment": (
        {"gatehouse.generation": 1, "gatehouse.environment": "elsewhere"},
        "gatehouse.environment",
    ),
}


@pytest.mark.parametrize("why", WRONG)
def test_what_is_wrong_with_our_attributes_is_named(why):
    wrong, field = WRONG[why]
    (refused,) = read(Span(32 * "a", 16 * "b", NANO - 2, NANO - 1, False, {}, CHAT | wrong)).refused
    assert refused.startswith(f"{field}: ")


def test_times_and_ids_have_bounds():
    ours = {**CHAT, "gatehouse.generation": 1}
    for bad, field in (
        (Span(32 * "a", 16 * "b", 1, 2, False, {}, CHAT), "end_time_unix_nano"),
        (Span(32 * "a", 16 * "b", NANO, NANO + 10**12, False, {}, CHAT), "end_time_unix_nano"),
        (Span(32 * "a", 16 * "b", NANO, NANO - 10**9, False, {}, CHAT), "start_time_unix_nano"),
        (Span(32 * "0", 16 * "b", NANO - 1, NANO, False, {}, ours), "trace_id"),
        (Span(32 * "a", "b", NANO - 1, NANO, False, {}, ours), "span_id"),
    ):
        (refused,) = read(bad).refused
        assert refused.startswith(f"{field}: ")


def test_both_encodings_of_a_message_are_one():
    of_protobuf = wire.spans(shared("rag_trace.pb"), PROTOBUF)
    assert of_protobuf == wire.spans(shared("rag_trace.json"), JSON)
    assert len(of_protobuf) == 6
    assert sum(len(one.content) for one in of_protobuf) > 0
    said = json.dumps([[dict(one.resource), dict(one.attributes)] for one in of_protobuf])
    assert "My car was hit" not in said and "form M-12" not in said


@pytest.mark.parametrize(
    ("body", "where"),
    [
        (b"[]", "the body"),
        (b'{"resourceSpans": {}}', "resourceSpans"),
        (b'{"resourceSpans": [1]}', "resourceSpans[0]"),
        (b'{"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": 1}]}]}]}', "traceId"),
        (
            b'{"resourceSpans": [{"scopeSpans": [{"spans": [{"attributes": [{"key": 1}]}]}]}]}',
            "key",
        ),
        (
            b'{"resourceSpans": [{"scopeSpans": [{"spans": [{"startTimeUnixNano": 1.5}]}]}]}',
            "start",
        ),
        (b"[" * 100_000, "JSON"),
        (b'{"a": NaN}', "NaN"),
        (b"\xff", "JSON"),
    ],
)
def test_json_that_is_no_trace_says_where(body, where):
    with pytest.raises(wire.NotTraces, match=where.replace("[", r"\[").replace("]", r"\]")):
        wire.spans(body, JSON)


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (b"\x0a\x00" * 20_000, PROTOBUF),
        (b"\x0a\xc0\xb8\x02" + b"\x12\x00" * 20_000, PROTOBUF),
        (b'{"resourceSpans": [' + b"{}," * 20_000 + b"{}]}", JSON),
        (b'{"resourceSpans": [{"scopeSpans": [{"spans": [' + b"{}," * 20_000 + b"{}]}]}]}", JSON),
    ],
)
def test_groups_are_counted_before_they_are_read(body, encoding):
    with pytest.raises(wire.TooManySpans):
        wire.spans(body, encoding)


@pytest.mark.parametrize(
    "body", [b"text", b"\x0a", b"\x0a\xff\xff\xff\xff\x0f", 20 * b"\xff", b"\x0b"]
)
def test_protobuf_that_is_none_is_told(body):
    with pytest.raises(wire.NotTraces):
        wire.spans(body, PROTOBUF)


def test_statuses_are_those_of_rpc():
    # As protobuf's own runtime would write them: number 1 a code, number 2 a text.
    assert wire.status(PROTOBUF, 400, "no") == b"\x08\x03\x12\x02no"
    assert wire.status(PROTOBUF, 429, 200 * "x")[:5] == b"\x08\x08\x12\xc8\x01"
    assert json.loads(wire.status(JSON, 401, "who?")) == {"code": 16, "message": "who?"}


# The documented collector


def test_the_documented_collector_is_whole_and_keeps_within_the_bounds():
    text = (ROOT / "docs" / "traces.md").read_text()
    (block,) = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    found = yaml.safe_load(block)
    (pipeline,) = found["service"]["pipelines"].values()
    for part in ("receivers", "processors", "exporters"):
        assert set(pipeline[part]) == set(found[part])
    (exporter,) = found["exporters"].values()
    assert exporter["sending_queue"]["storage"] in found["service"]["extensions"]
    assert found["processors"]["batch/gatehouse"]["send_batch_max_size"] <= wire.MOST_SPANS
    statements = found["processors"]["transform/content"]["trace_statements"][0]["statements"]
    patterns = [re.compile(re.search('"(.*)"', one)[1]) for one in statements]
    named = [name for name in conventions.CONTENT if name.startswith(("gen_ai.", "user."))]
    for name in (*named, "gen_ai.prompt.0.content"):
        assert any(pattern.search(name) for pattern in patterns), name
    assert not any(pattern.search(name) for pattern in patterns for name in conventions.READ)
    # Every attribute of ours is told.
    assert all(f"`{name}`" in text for name in conventions.OURS)


# What is kept


@pytest.fixture
def told(db):
    return running()


@pytest.fixture
def router(told):
    return Reporting(told.environment)


@pytest.fixture
def anywhere(db):
    return Reporting(make.make_environment())


def lines() -> dict[tuple, UnattributedTraffic]:
    return {(one.service, one.model): one for one in UnattributedTraffic.objects.all()}


def test_the_shared_files_are_counted(anywhere):
    with clock.at(MADE):
        for name, encoding, packed in (
            ("rag_trace.pb", PROTOBUF, False),
            ("evaluated_chat.pb.gz", PROTOBUF, True),
            ("js_exporter_genai.json", JSON, False),
        ):
            body = gzip.decompress(shared(name)) if packed else shared(name)
            response = send(anywhere.token, body, encoding, packed=packed)
            assert response.status_code == 200, response.content
            assert response["Content-Type"] == encoding
            assert response.content == (b"{}" if encoding == JSON else b"")
        found = lines()
        chat = found["claims-triage", "mistral-large-latest"]
        assert (chat.provider, chat.answered_by) == ("mistral_ai", "mistral-large-2407")
        assert (chat.calls, chat.failed) == (3, 1)
        assert (chat.tokens_in, chat.tokens_out, chat.tokens_cached) == (945, 153, 384)
        assert chat.erased > 0
        embedded = found["claims-triage", "mistral-embed"]
        assert (embedded.calls, embedded.tokens_in, embedded.failed) == (1, 38, 0)
        (mini,) = (one for (_, model), one in found.items() if model == "gpt-4o-mini")
        assert (mini.calls, mini.tokens_in, mini.tokens_out) == (1, 120, 33)
        claude = found["policy-qa-web", "claude-sonnet-4"]
        assert (claude.calls, claude.failed) == (3, 1)
        assert (claude.tokens_in, claude.tokens_out) == (956, 589)
        assert len(found) == 4 and not RequestRecord.objects.exists()

        # Sent again, it is not counted again; the other encoding of it is another body.
        send(anywhere.token, shared("rag_trace.pb"))
        assert lines()["claims-triage", "mistral-large-latest"].calls == 3
        send(anywhere.token, shared("rag_trace.json"), JSON)
        again = lines()["claims-triage", "mistral-large-latest"]
        assert (again.calls, again.tokens_in) == (6, 1890)
        # No model is called there, and it is years old: nothing to keep, nothing to refuse.
        response = send(anywhere.token, shared("otel-proto_example_trace.json"), JSON)
        assert (response.status_code, response.content) == (200, b"{}")
        assert len(lines()) == 4

    later = MADE + timedelta(days=100)
    with clock.at(later):
        assert keeping.forget().startswith("4 ")
    late = calls(wire.spans(shared("rag_trace.pb"), PROTOBUF), "1", "production", later)
    assert len(late.refused) == 4 and "clock" in late.refused[0] and not late.traffic
    assert not TraceBody.objects.exists()


def test_the_real_exporter_brings_records(told, router):
    active, release = current(told.environment), told.release
    tracing, answers = tracer(router.token, compression=Compression.Gzip)
    with tracing.start_as_current_span("chat", kind=SpanKind.CLIENT) as one:
        one.set_attributes(
            CHAT
            | {
                "gatehouse.release": release.digest,
                "gatehouse.generation": active.generation,
                "gatehouse.snapshot": active.snapshot.digest,
                "gatehouse.request": "req-1",
                "gatehouse.user": KEYED,
                "gen_ai.conversation.id": "conv-1",
                "gen_ai.response.model": "mistral-large-2407",
                "gen_ai.usage.input_tokens": 12,
                "gen_ai.input.messages": '[{"role": "user", "content": "secret"}]',
            }
        )
    with tracing.start_as_current_span("chat") as two:
        two.set_attributes(CHAT | {"gatehouse.release": release.digest})
        two.set_status(Status(StatusCode.ERROR))
    with tracing.start_as_current_span("chat") as three:
        three.set_attributes(CHAT | {"gatehouse.release": "sha256:" + 64 * "0"})
    with tracing.start_as_current_span("chat") as four:
        four.set_attributes(CHAT)
    assert [one.status_code for one in answers.bodies] == 4 * [200]

    rows = {row.request: row for row in RequestRecord.objects.all()}
    first = rows["req-1"]
    assert (first.kind, first.status, first.unverified) == ("outcome", "served", "")
    assert (first.release, first.use_case) == (release, told.use_case)
    assert (first.model_version, first.router_seq) == (release.model_version, None)
    assert (first.conversation, first.user_hash, first.tokens_in) == ("conv-1", KEYED, 12)
    assert first.served_release == "mistral-large-2407"
    assert first.erased == ["gen_ai.input.messages"]
    (failed,) = (row for row in rows.values() if row.status == "failed")
    prompts = [one.prompt_version.digest for one in release.prompt_links.all()]
    for row in (first, failed):
        # What it leaves unsaid follows from what was published then.
        assert sorted(row.prompts) == sorted(prompts) and row.prompt_bundle_id
        assert row.policy_digest and row.policy_bundle_id
    assert first.trace == f"{one.context.trace_id:032x}"
    assert len(rows) == 3
    assert {row.unverified for row in rows.values()} == {"", "RELEASE_NOT_ACTIVE"}
    assert (failed.route, failed.unverified, failed.generation) == (told.use_case.slug, "", None)
    assert [(row.service, row.calls) for row in lines().values()] == [("chat-web", 1)]
    # Each batch has its entry, and none of it has a number that could be missing.
    assert Entry.objects.filter(event="records.appended").count() == 3
    assert RecordBatch.objects.count() == 3
    assert gaps.missing(router.router).records == 0
    assert verify("record").found == []


def test_a_release_that_was_not_active_then_is_kept_and_marked(told, router):
    body = _message(told, end=clock.now() - timedelta(days=3))
    with_generation = _message(told, **{"gatehouse.generation": 99})
    assert send(router.token, body).status_code == 200
    assert send(router.token, with_generation).status_code == 200
    found = set(RequestRecord.objects.values_list("unverified", flat=True))
    assert found == {"RELEASE_NOT_ACTIVE", "GENERATION_UNKNOWN"}


def _message(told, end=None, **more) -> bytes:
    """Return a body with one call of the story's release."""
    message = ExportTraceServiceRequest()
    one = message.resource_spans.add().scope_spans.add().spans.add()
    one.trace_id, one.span_id = 16 * b"\x0a", 8 * b"\x0b"
    one.end_time_unix_nano = int((end or clock.now()).timestamp()) * 10**9
    one.start_time_unix_nano = one.end_time_unix_nano - 10**9
    for name, value in ({**CHAT, "gatehouse.release": told.release.digest} | more).items():
        attribute = one.attributes.add(key=name)
        kind = "int_value" if isinstance(value, int) else "string_value"
        setattr(attribute.value, kind, value)
    return message.SerializeToString()


def test_what_was_refused_is_told_in_the_right_encoding(told, router):
    end = clock.now()
    good, other = _message(told, end), _message(told, end, **{"gen_ai.usage.input_tokens": 3})
    assert send(router.token, good).content == b""
    # Sent again it is the same; the same span with other words is a conflict.
    assert send(router.token, good).content == b""
    answer = ExportTraceServiceResponse.FromString(send(router.token, other).content)
    assert answer.partial_success.rejected_spans == 1
    assert "another record" in answer.partial_success.error_message
    assert RequestRecord.objects.count() == 1


def test_bodies_that_are_none_are_refused_whole(told, router, settings, monkeypatch):
    good = _message(told)

    def refused(status, code, *args, token=router.token, **kwargs):
        response = send(token, *args, **kwargs)
        assert response.status_code == status, response.content
        encoding = args[1] if len(args) > 1 else PROTOBUF
        if encoding == JSON:
            assert json.loads(response.content)["code"] == code
        else:
            assert response.content[:2] == bytes((8, code))
        assert response["Content-Type"] == (JSON if encoding == JSON else PROTOBUF)
        return response

    refused(400, 3, b"no protobuf")
    refused(400, 3, b"{", JSON)
    refused(415, 3, good, "text/plain")
    refused(415, 3, good, **{"content-encoding": "br"})
    refused(400, 3, good, **{"content-encoding": "gzip"})
    refused(413, 3, (4 * 1024**2 + 1) * b" ", JSON, packed=True)
    many = ExportTraceServiceRequest()
    many.resource_spans.add().scope_spans.add().spans.extend(
        [type(many.resource_spans[0].scope_spans[0].spans.add())()] * (wire.MOST_SPANS + 1)
    )
    refused(413, 3, many.SerializeToString())
    refused(401, 16, good, token="nobody")
    refused(403, 7, good, token=make.make_token(make.admin()))
    taken = BoundedSemaphore(1)
    taken.acquire()
    with monkeypatch.context() as patched:
        patched.setattr(TracesView, "places", taken)
        assert refused(429, 8, good)["Retry-After"] == "1"
    cache.clear()
    settings.TRACES_INGEST_RATE = "1/min"
    assert send(router.token, good).status_code == 200
    assert int(refused(429, 8, good)["Retry-After"]) > 1


def test_lines_of_a_day_are_bounded_and_constrained(anywhere, monkeypatch):
    monkeypatch.setattr(keeping, "MOST_LINES", 2)
    found = read(*(span(gen_ai__request__model=f"m{number}") for number in range(5))).traffic
    with clock.at(NOW), transaction.atomic():
        keeping._count(found, anywhere.router)
        keeping._count(found[:1], anywhere.router)
    assert sorted((one.model, one.calls) for one in UnattributedTraffic.objects.all()) == [
        ("", 3),
        ("m0", 2),
        ("m1", 1),
    ]
    with pytest.raises(IntegrityError, match="traffic_of_some_calls"), transaction.atomic():
        UnattributedTraffic.objects.update(failed=99)
    with pytest.raises(IntegrityError), transaction.atomic():
        UnattributedTraffic.objects.update(model="")
    with pytest.raises(IntegrityError), transaction.atomic():
        TraceBody.objects.bulk_create(
            TraceBody(router=anywhere.router, digest="x", received_at=NOW) for _ in range(2)
        )


def test_the_file_of_what_is_called_elsewhere_holds_each_line_once(anywhere, monkeypatch):
    """Calls that are counted while it is read move no line out of it, or into it twice."""
    monkeypatch.setattr(pages, "CHUNK", 2)
    found = read(*(span(gen_ai__request__model=f"m{number}") for number in range(5))).traffic
    with clock.at(NOW):
        with transaction.atomic():
            keeping._count(found, anywhere.router)
        auditor = make.make_person(make.name("auditor"), Role.AUDITOR)
        request = RequestFactory().get("/outside.csv")
        request.user = auditor
        rows = iter(pages.table(request).rows)
        models = [next(rows)[3], next(rows)[3]]
        with transaction.atomic():
            # What was last by its calls is first by now.
            for _ in range(3):
                keeping._count(
                    [one for one in found if one.model not in models][-1:], anywhere.router
                )
        models += [row[3] for row in rows]
    assert sorted(models) == [f"m{number}" for number in range(5)]
    monkeypatch.setattr(pages, "MOST", 3)
    with clock.at(NOW):
        *told, last = pages.table(request).rows
    assert len(told) == 3 and last == [
        "There are more than these 3: narrow the list to have the others."
    ]
