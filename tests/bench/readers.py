"""What reading a file for its scores costs: time and memory for each MiB, for each tool.

A part of `tests.bench.evidence`. Each file is as large as its reader takes or as `SIZE`; it is read
in a child process as always, its seconds are those of the processor, and what a child costs that
reads nothing is taken off. The yardstick is copying and hashing the same bytes.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from evidence.readers.child import ROOT
from tests.evidence.files import (
    eval_log,
    garak_eval,
    inspect,
    lines,
    lm_eval,
    openai_evals,
    promptfoo,
)

SIZE = 48 * 1024**2
TEXT = "It was delivered on Tuesday and the invoice says otherwise. " * 12
#: Reads a file; prints the outcome, the child's seconds of processor and its peak memory in KiB.
CODE = """
import json, resource, sys
from evidence.readers.child import read_in_child
outcome = read_in_child(sys.argv[1]).outcome.value
child = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps([outcome, child.ru_utime + child.ru_stime, child.ru_maxrss]))
"""


def rows(row: dict, size: int = SIZE) -> Iterator[str]:
    """Yield a row as often as it takes to fill `size`."""
    text = json.dumps(row)
    return (text for _ in range(size // len(text)))


def within(document: dict, name: str, row: dict) -> Iterator[str]:
    """Yield a document whose last part is a long list."""
    yield json.dumps(document)[:-1] + f', "{name}": ['
    for place, text in enumerate(rows(row)):
        yield ("," if place else "") + text
    yield "]}"


SAMPLE = {"doc_id": 1, "target": "a", "resps": [[TEXT, 0.5]], "filtered_resps": ["a"], "acc": 1.0}
SAMPLE |= {"doc": {}, "doc_hash": "0" * 64, "arguments": {}}
ATTEMPT = {"entry_type": "attempt", "status": 2, "probe_classname": "dan.AntiDAN", "prompt": TEXT}
EVENT = {"run_id": "1", "event_id": 1, "type": "sampling", "data": {"prompt": TEXT}}


CARD = """---
model-index:
- name: m
  results:
  - task: {type: t}
    dataset: {name: d, type: d}
    metrics: [{type: accuracy, value: 0.5}]
---
"""


def _promptfoo() -> Iterator[str]:
    document = promptfoo()
    told = {name: part for name, part in document["results"].items() if name != "results"}
    test = {"promptIdx": 0, "success": True, "failureReason": 0, "response": {"output": TEXT}}
    yield '{"evalId": "eval-1", "config": {}, "results": '
    yield from within(told, "results", test)
    yield "}"


def _eval() -> Iterator[bytes]:
    """Yield an archive whose samples are as many as an archive may have members for."""
    sample = (json.dumps(SAMPLE) * 7).encode()
    yield eval_log(
        inspect(), method=93, **{f"samples/{n}_epoch_1.json": sample for n in range(9000)}
    )


def _lines(first: str, row: dict) -> Iterator[str]:
    yield first
    for text in rows(row):
        yield text + "\n"


FILES: dict[str, Callable[[], Iterator[str | bytes]]] = {
    "lm-evaluation-harness, results": lambda: iter(
        [json.dumps(lm_eval({f"task_{n}": {"acc,none": 0.5, "note": TEXT} for n in range(9000)}))]
    ),
    "lm-evaluation-harness, samples": lambda: _lines("", SAMPLE),
    "inspect-ai, JSON": lambda: within(inspect(), "samples", SAMPLE),
    "inspect-ai, .eval with Zstandard": _eval,
    "promptfoo": _promptfoo,
    "garak": lambda: _lines(
        lines(
            {"entry_type": "start_run setup", "plugins.target_type": "test.Repeat"},
            {"entry_type": "init", "garak_version": "0.17.1"},
            garak_eval(),
            {"entry_type": "completion"},
        ),
        ATTEMPT,
    ),
    "openai-evals": lambda: _lines(openai_evals({"accuracy": 0.5}, events=1), EVENT),
    "model-card": lambda: iter([CARD, *(f"{TEXT}\n" for _ in range(480_000 // len(TEXT)))]),
    "csv": lambda: iter(
        ["suite,metric,value,filter\n", *(f"suite,m{n},0.5,{TEXT[:90]}\n" for n in range(9000))]
    ),
}


def measured(folder: Path, copied: Callable[[Path, Path], float]) -> dict:
    """Return what reading a file of each tool costs; `copied` times copying and hashing it."""
    nothing = folder / "nothing"
    nothing.write_text("")
    _, alone, bare = min(_read(nothing) for _ in range(3))
    told = {}
    for tool, parts in FILES.items():
        path = folder / "read"
        with path.open("wb") as file:
            for part in parts():
                file.write(part if isinstance(part, bytes) else part.encode())
        mebibytes = path.stat().st_size / 1024**2
        yardstick = copied(path, folder / "copy")
        outcome, took, peak = _read(path)
        told[tool] = {
            "mib": round(mebibytes, 2),
            "outcome": outcome,
            "cpu_ms_a_mib": round(max(0.0, took - alone) * 1000 / mebibytes, 1),
            "read_to_copy_ratio": round(max(0.0, took - alone) / yardstick, 1),
            "peak_mib_beside_nothing": round((peak - bare) / 1024, 1),
            "peak_mib_a_mib": round((peak - bare) / 1024 / mebibytes, 3),
        }
    return {"a_child_that_reads_nothing_cpu_ms": round(alone * 1000), "readers": told}


def _read(path: Path) -> tuple[str, float, int]:
    command = [sys.executable, "-c", CODE, str(path)]
    done = subprocess.run(command, capture_output=True, check=True, cwd=ROOT)
    return tuple(json.loads(done.stdout))


def main() -> None:
    """Print what reading costs; it needs no database."""
    from tests.bench.evidence import copied

    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(measured(Path(folder), copied), indent=2))


if __name__ == "__main__":
    sys.exit(main())
