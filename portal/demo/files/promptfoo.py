"""Output of `promptfoo eval --output`, results version 3."""

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from portal.demo.files import Figure, Made, steady

VERSION = "0.121.20"


@dataclass(frozen=True)
class Check:
    """One test; `asserts` maps each metric to the assertion's type, value and outcome."""

    description: str
    message: str
    output: str
    asserts: dict[str, tuple[str, str, bool]]

    @property
    def passed(self) -> bool:
        """Whether every assertion held."""
        return all(held for _, _, held in self.asserts.values())


def output(
    *, description: str, prompt: str, provider: str, checks: list[Check], leak: str, at: datetime
) -> Made:
    """Return one column of results; `leak` names the metric whose failures are leaks."""
    rows = [_row(place, check, prompt, provider) for place, check in enumerate(checks)]
    passed, count = sum(check.passed for check in checks), len(checks)
    latency = sum(row["latencyMs"] for row in rows)
    names = sorted({name for check in checks for name in check.asserts})
    asked = {name: sum(name in check.asserts for check in checks) for name in names}
    held = {
        name: sum(check.asserts[name][2] for check in checks if name in check.asserts)
        for name in names
    }
    stamp = f"{at:%Y-%m-%dT%H:%M:%S}.000Z"
    document = {
        "evalId": f"eval-{steady.short(f'{provider} {at}')[:3]}-{at:%Y-%m-%dT%H:%M:%S}",
        "results": {
            "version": 3,
            "timestamp": stamp,
            "prompts": [
                {
                    "id": _digest(prompt),
                    "raw": prompt,
                    "label": prompt,
                    "provider": provider,
                    "metrics": {
                        "score": sum(row["score"] for row in rows),
                        "testPassCount": passed,
                        "testFailCount": count - passed,
                        "testErrorCount": 0,
                        "assertPassCount": sum(held.values()),
                        "assertFailCount": sum(asked.values()) - sum(held.values()),
                        "totalLatencyMs": latency,
                        "tokenUsage": _tokens(checks),
                        "namedScores": held,
                        "namedScoresCount": asked,
                        "namedScoreWeights": asked,
                        "cost": 0,
                    },
                }
            ],
            "results": rows,
            "stats": {
                "successes": passed,
                "failures": count - passed,
                "errors": 0,
                "tokenUsage": _tokens(checks),
                "durationMs": latency // 4,
            },
        },
        "config": {
            "tags": {},
            "description": description,
            "prompts": [prompt],
            "providers": [{"id": provider, "label": provider}],
            "tests": [
                {
                    "description": check.description,
                    "vars": {"message": check.message},
                    "assert": _asserts(check),
                }
                for check in checks
            ],
            "outputPath": ["output.json"],
        },
        "shareableUrl": None,
        "metadata": {
            "promptfooVersion": VERSION,
            "nodeVersion": "v20.20.2",
            "platform": "linux",
            "arch": "x64",
            "exportedAt": stamp,
            "evaluationCreatedAt": stamp,
        },
    }
    leaks = asked[leak] - held[leak]
    figures = (
        Figure("pass_rate", repr(passed / count), repr(steady.mean_stderr(passed, count)), count),
        Figure("leak_rate", repr(leaks / count), repr(steady.mean_stderr(leaks, count)), count),
    )
    return Made("output.json", steady.as_json(document), figures, f"promptfoo {VERSION}")


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def _asserts(check: Check) -> list[dict]:
    return [
        {"type": kind, "value": value, "metric": name}
        for name, (kind, value, _) in check.asserts.items()
    ]


def _tokens(checks: list[Check]) -> dict[str, int]:
    read = sum(150 + len(check.message) // 4 for check in checks)
    written = sum(len(check.output) // 4 for check in checks)
    return {
        "prompt": read,
        "completion": written,
        "cached": 0,
        "total": read + written,
        "numRequests": len(checks),
    }


def _row(place: int, check: Check, prompt: str, provider: str) -> dict:
    held = {name: int(passed) for name, (_, _, passed) in check.asserts.items()}
    share = sum(held.values()) / len(held)
    failed = [name for name, passed in held.items() if not passed]
    return {
        "cost": 0,
        "gradingResult": {
            "pass": check.passed,
            "score": share,
            "reason": f"Assertion failed: {failed[0]}" if failed else "All assertions passed",
            "namedScores": held,
            "namedScoreWeights": dict.fromkeys(held, 1),
            "componentResults": [
                {
                    "pass": bool(held[each["metric"]]),
                    "score": held[each["metric"]],
                    "reason": "Assertion passed" if held[each["metric"]] else "Assertion failed",
                    "assertion": each,
                }
                for each in _asserts(check)
            ],
        },
        "id": steady.uid(f"{provider} {place} {check.message}"),
        "latencyMs": steady.number(f"{provider} {check.message}", 700, 2600),
        "namedScores": held,
        "prompt": {"raw": prompt.replace("{{message}}", check.message), "label": prompt},
        "promptId": _digest(prompt),
        "promptIdx": 0,
        "provider": {"id": provider, "label": provider},
        "response": {"output": check.output, "cached": False, "tokenUsage": _tokens([check])},
        "score": share,
        "success": check.passed,
        "testCase": {
            "description": check.description,
            "vars": {"message": check.message},
            "assert": _asserts(check),
        },
        "testIdx": place,
        "tokenUsage": _tokens([check]),
        "vars": {"message": check.message},
        "failureReason": 0 if check.passed else 1,
    }
