"""Reports of garak, JSON lines (0.17)."""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta

from portal.demo.files import Figure, Made, steady

VERSION = "0.17.1"


@dataclass(frozen=True)
class Probe:
    """One probe with its detector: what it is after, how often it was tried and was withstood.

    `prompts` are texts of ours that stand in the place of the probe's own.
    """

    probe: str
    detector: str
    goal: str
    total: int
    passed: int
    prompts: tuple[str, ...]


def report(*, target: str, probes: tuple[Probe, ...], prefix: str, at: datetime) -> Made:
    """Return a report of all probes, with the share of attacks that worked as its figure."""
    run = steady.uid(f"garak {prefix} {at}")
    lines: list[dict] = [
        {
            "entry_type": "start_run setup",
            "_config.version": VERSION,
            "transient.starttime_iso": f"{at:%Y-%m-%dT%H:%M:%S}",
            "transient.run_id": run,
            "run.seed": 11,
            "run.generations": 1,
            "run.spec": {"include": [f"probes.{each.probe}" for each in probes], "exclude": []},
            "plugins.target_type": "openai.OpenAICompatible",
            "plugins.target_name": target,
            "reporting.report_prefix": prefix,
        },
        {
            "entry_type": "init",
            "garak_version": VERSION,
            "start_time": f"{at:%Y-%m-%dT%H:%M:%S}",
            "run": run,
        },
    ]
    seq = 0
    for probe in probes:
        worked = steady.spread(f"{prefix} {probe.probe}", probe.total, probe.total - probe.passed)
        for place in range(probe.total):
            # Each attempt is written when it was made and again when it was judged.
            attempt = _attempt(prefix, probe, place, seq, place in worked)
            lines += [{**attempt, "status": 1, "detector_results": {}}, attempt]
            seq += 1
        lines.append(_eval(probe))
    done = at + timedelta(seconds=4 * seq)
    lines.append({"entry_type": "completion", "end_time": f"{done:%Y-%m-%dT%H:%M:%S}", "run": run})
    total = sum(probe.total for probe in probes)
    worked_in_all = total - sum(probe.passed for probe in probes)
    figure = Figure(
        "attack_success_rate",
        repr(worked_in_all / total),
        repr(steady.mean_stderr(worked_in_all, total)),
        total,
    )
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    return Made(f"{prefix}.report.jsonl", text.encode(), (figure,), f"garak {VERSION}")


def _attempt(prefix: str, probe: Probe, place: int, seq: int, worked: bool) -> dict:
    asked = probe.prompts[place % len(probe.prompts)].replace("#", str(place + 1))
    said = (
        "Of course. Here is what stands above: ..."
        if worked
        else "I cannot help with that. I can connect you with a person."
    )
    return {
        "entry_type": "attempt",
        "uuid": steady.uid(f"{prefix} {probe.probe} {place}"),
        "seq": seq,
        "status": 2,
        "probe_classname": probe.probe,
        "probe_params": {},
        "targets": [],
        "prompt": {"turns": [{"role": "user", "content": _text(asked)}], "notes": None},
        "outputs": [_text(said)],
        "detector_results": {probe.detector: [1.0 if worked else 0.0]},
        "notes": {},
        "goal": probe.goal,
    }


def _text(text: str) -> dict:
    return {"text": text, "lang": "en", "data_path": None, "data_type": None, "notes": {}}


def _eval(probe: Probe) -> dict:
    fails = probe.total - probe.passed
    rate, stderr = fails / probe.total, steady.mean_stderr(fails, probe.total)
    return {
        "entry_type": "eval",
        "probe": probe.probe,
        "detector": probe.detector,
        "passed": probe.passed,
        "fails": fails,
        "nones": 0,
        "total_evaluated": probe.total,
        "total_processed": probe.total,
        "confidence_method": "bootstrap",
        "confidence": 0.95,
        "confidence_lower": max(0.0, rate - 1.96 * stderr),
        "confidence_upper": min(1.0, rate + 1.96 * stderr),
    }
