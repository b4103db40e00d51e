"""Logs of Inspect AI, as `inspect eval --log-format json` writes them (log version 2)."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from portal.demo.files import Figure, Made, steady

VERSION = "0.3.285"


@dataclass(frozen=True)
class Asked:
    """One sample: what was asked, the answer, and what each scorer said ("C" or "I", and why)."""

    id: str
    input: str
    target: str
    answer: str
    scores: dict[str, tuple[str, str]]


def log(*, task: str, model: str, samples: list[Asked], at: datetime, tags: list[str]) -> Made:
    """Return a log in which every sample was answered and scored, with a figure per scorer."""
    scorers = list(samples[0].scores)
    done = at + timedelta(seconds=7 * len(samples))
    tokens = [_usage(sample) for sample in samples]
    usage = {key: sum(each[key] for each in tokens) for key in tokens[0]}
    results, figures = [], []
    for scorer in scorers:
        right = sum(sample.scores[scorer][0] == "C" for sample in samples)
        accuracy, stderr = right / len(samples), steady.mean_stderr(right, len(samples))
        results.append(_score_row(scorer, len(samples), accuracy, stderr))
        figures.append(Figure(scorer, repr(accuracy), repr(stderr), len(samples)))
    document = {
        "version": 2,
        "status": "success",
        "eval": {
            "eval_id": steady.short(f"eval {task} {at}"),
            "run_id": steady.short(f"run {task} {at}"),
            "created": _stamp(at),
            "task": task,
            "task_id": steady.short(f"task {task}"),
            "task_version": 1,
            "task_file": f"evals/{task}.py",
            "task_attribs": {},
            "task_args": {},
            "dataset": {
                "name": task,
                "location": f"evals/{task}.jsonl",
                "samples": len(samples),
                "sample_ids": [sample.id for sample in samples],
                "shuffled": False,
            },
            "model": model,
            "model_generate_config": {"temperature": 0.0},
            "model_args": {},
            "config": {"epochs": 1, "fail_on_error": True, "log_samples": True},
            "packages": {"inspect_ai": VERSION},
            "scorers": [
                {"name": scorer, "options": {}, "metrics": _METRICS, "metadata": {}}
                for scorer in scorers
            ],
        },
        "plan": {
            "name": "plan",
            "steps": [{"solver": "system_message", "params": {}}, {"solver": "generate"}],
            "config": {"temperature": 0.0},
        },
        "results": {
            "total_samples": len(samples),
            "completed_samples": len(samples),
            "scores": results,
        },
        "stats": {
            "started_at": _stamp(at),
            "completed_at": _stamp(done),
            "model_usage": {model: usage},
        },
        "tags": tags,
        "metadata": {},
        "samples": [
            _sample(sample, model, each) for sample, each in zip(samples, tokens, strict=True)
        ],
        "reductions": [
            {
                "scorer": scorer,
                "samples": [
                    {
                        "value": 1.0 if sample.scores[scorer][0] == "C" else 0.0,
                        "answer": sample.answer,
                        "explanation": sample.scores[scorer][1],
                        "sample_id": sample.id,
                    }
                    for sample in samples
                ],
            }
            for scorer in scorers
        ],
    }
    name = f"{at:%Y-%m-%dT%H-%M-%S+00-00}_{task.replace('_', '-')}_{steady.short(task)}.json"
    return Made(name, steady.as_json(document), tuple(figures), f"inspect_ai {VERSION}, {task}")


_METRICS = [
    {"name": "inspect_ai/accuracy", "options": {}},
    {"name": "inspect_ai/stderr", "options": {}},
]


def _stamp(at: datetime) -> str:
    return at.isoformat(timespec="seconds")


def _usage(sample: Asked) -> dict[str, int]:
    # Four characters are about one token.
    read, written = 180 + len(sample.input) // 4, len(sample.answer) // 4
    return {"input_tokens": read, "output_tokens": written, "total_tokens": read + written}


def _score_row(scorer: str, count: int, accuracy: float, stderr: float) -> dict:
    return {
        "name": scorer,
        "scorer": scorer,
        "scored_samples": count,
        "unscored_samples": 0,
        "params": {},
        "metrics": {
            "accuracy": {"name": "accuracy", "value": accuracy, "params": {}},
            "stderr": {"name": "stderr", "value": stderr, "params": {}},
        },
    }


def _sample(sample: Asked, model: str, usage: dict[str, int]) -> dict:
    said = {"content": sample.answer, "source": "generate", "role": "assistant", "model": model}
    return {
        "id": sample.id,
        "epoch": 1,
        "input": sample.input,
        "target": sample.target,
        "messages": [{"content": sample.input, "source": "input", "role": "user"}, said],
        "output": {
            "model": model,
            "choices": [{"message": said, "stop_reason": "stop"}],
            "completion": sample.answer,
            "usage": usage,
            "time": steady.number(sample.id, 900, 3100) / 1000,
        },
        "scores": {
            scorer: {"value": value, "answer": sample.answer, "explanation": why}
            for scorer, (value, why) in sample.scores.items()
        },
        "metadata": {},
        "store": {},
        "events": [],
        "model_usage": {model: usage},
        "uuid": steady.short(f"{sample.id} {model}"),
    }
