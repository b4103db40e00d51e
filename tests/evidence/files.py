"""Small files as evaluation tools write them, for readers; every part can be put otherwise."""

import io
import json
import struct
import zipfile
import zlib

import zstandard

from evidence.readers import read


def reading(content, name="a file"):
    """Return what the readers make of bytes, of a text, or of what becomes JSON."""
    if not isinstance(content, bytes | str):
        content = json.dumps(content)
    data = content if isinstance(content, bytes) else content.encode()
    return read(io.BytesIO(data), name)


def lines(*entries) -> str:
    return "".join(json.dumps(entry) + "\n" for entry in entries)


def figures(result) -> dict:
    """Return value and filter's rows: {(suite, metric, filter): value}."""
    return {(s.suite, s.metric, s.filter): s.value for s in result.scores}


def lm_eval(results=None, **parts) -> dict:
    return {
        "results": results or {"boolq": {"alias": "boolq", "acc,none": 0.75}},
        "versions": {"boolq": 2},
        "config": {"model": "hf", "model_args": "pretrained=org/model", "limit": None},
        **parts,
    }


def inspect(**parts) -> dict:
    log = {
        "version": 2,
        "status": "success",
        "eval": {
            "task": "facts",
            "model": "org/model",
            "created": "2026-11-01T10:00:00+00:00",
            "dataset": {"name": "facts", "samples": 4, "sample_ids": [1, 2, 3, 4]},
            "config": {"epochs": 1},
            "packages": {"inspect_ai": "0.3.285"},
        },
        "results": {
            "total_samples": 4,
            "completed_samples": 4,
            "scores": [scorer("match", accuracy=0.75, stderr=0.25)],
        },
    }
    about = log["eval"] | parts.pop("eval", {})
    results = log["results"] | (parts.pop("results", None) or {})
    return {**log, "eval": about, "results": results, **parts}


def scorer(name, reducer=None, **metrics) -> dict:
    told = {metric: {"name": metric, "value": value} for metric, value in metrics.items()}
    return {"name": name, "scorer": name, "reducer": reducer, "metrics": told}


def column(passed, failed, errors=0, *, provider="bot", label="Reply: {{q}}", **metrics) -> dict:
    counts = {"testPassCount": passed, "testFailCount": failed, "testErrorCount": errors}
    metrics = {**counts, "score": passed, "namedScores": {}, **metrics}
    return {"provider": provider, "label": label, "raw": label, "metrics": metrics}


def promptfoo(*columns, **parts) -> dict:
    columns = columns or (column(3, 1),)
    rows = [
        {"promptIdx": place, "success": n < one["metrics"]["testPassCount"], "failureReason": 0}
        for place, one in enumerate(columns)
        for n in range(sum(one["metrics"][f"test{how}Count"] for how in ("Pass", "Fail", "Error")))
    ]
    results = {
        "version": 3,
        "timestamp": "2026-11-01T10:00:00.000Z",
        "prompts": list(columns),
        "results": rows,
        "stats": {},
    }
    results |= parts.pop("results", {})
    return {"evalId": "eval-1", "results": results, "config": {"description": "Replies"}, **parts}


def garak_eval(passed=3, total=4, probe="dan.AntiDAN", detector="dan.AntiDAN", **parts) -> dict:
    counts = {"passed": passed, "total_evaluated": total}
    return {"entry_type": "eval", "probe": probe, "detector": detector, **counts, **parts}


SETUP = {"entry_type": "start_run setup", "plugins.target_type": "test.Repeat", "run.seed": 1}
INIT = {"entry_type": "init", "garak_version": "0.17.1", "start_time": "2026-11-01T10:00:00"}
DONE = {"entry_type": "completion", "end_time": "2026-11-01T10:01:00"}


def garak(*entries, done=True) -> str:
    return lines(SETUP, INIT, *(entries or (garak_eval(),)), *([DONE] if done else []))


SPEC = {"eval_name": "triage.dev.v1", "base_eval": "triage", "completion_fns": ["ours"]}


def openai_evals(final=None, *, spec=None, events=4) -> str:
    report = [{"final_report": final, "run_id": "1"}] if final else []
    told = [{"run_id": "1", "event_id": n, "type": "match", "data": {}} for n in range(events)]
    return lines({"spec": {**SPEC, **(spec or {})}}, *report, *told)


def zipped(members: dict[str, bytes], method=zipfile.ZIP_DEFLATED) -> bytes:
    """Return an archive; with method 93 its members are Zstandard, which zipfile cannot write."""
    out = io.BytesIO()
    if method != 93:
        with zipfile.ZipFile(out, "w", method) as archive:
            for name, data in members.items():
                archive.writestr(name, data)
        return out.getvalue()
    directory = b""
    for name, data in members.items():
        packed, at = zstandard.compress(data), out.tell()
        sizes = (93, 0, 33, zlib.crc32(data), len(packed), len(data), len(name), 0)
        out.write(struct.pack("<4s2H3H3L2H", b"PK\3\4", 63, 0, *sizes) + name.encode() + packed)
        rest = (0, 0, 0, 0, at)
        directory += struct.pack("<4s3H3H3L5H2L", b"PK\1\2", 63, 63, 0, *sizes, *rest)
        directory += name.encode()
    count, at = len(members), out.tell()
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, count, count, len(directory), at, 0)
    return out.getvalue() + directory + end


def eval_log(log: dict, method=zipfile.ZIP_DEFLATED, **members) -> bytes:
    """Return a `.eval` archive of a log."""
    return zipped({"header.json": json.dumps(log).encode(), **members}, method)
