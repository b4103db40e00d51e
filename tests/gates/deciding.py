"""A process of its own that presses a button when it is told: `python -m tests.gates.deciding`.

It reads a line of JSON with the arguments of `sign`, says "ready", reads a second line, signs, and
writes what came of it: a line with the reasons of the refusal, or with none.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta

from tests.serving import ROOT, environment


def press(order: dict) -> list[str]:
    """Sign as an order says; return the sentences of the refusal, none if it was signed."""
    from audit import Refused, clock
    from gates import transitions
    from gates.rules.conditions import Asked
    from registry.models import Person
    from tests import make
    from tests.gates.stories import WHY

    owner, actor = order["owner"], Person.objects.get(pk=order["actor"])
    conditions = []
    if order["verdict"] == "approve_with_conditions":
        due_at = clock.now() + timedelta(days=30)
        conditions = [Asked("Measure again.", owner, due_at, "operational_readiness")]
    names = ("challenge", "package_digest", "verdict", "meaning")
    try:
        transitions.sign(
            order["promotion"],
            **{name: order[name] for name in names},
            reason=WHY,
            password=make.PASSWORD,
            actor=actor,
            conditions=conditions,
        )
    except Refused as refused:
        return [reason.sentence for reason in refused.reasons]
    return []


class Decider:
    """One such process, as the test sees it."""

    def __init__(self):
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.gates.deciding"],
            cwd=ROOT,
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def tell(self, order: dict) -> None:
        self._write(json.dumps(order))
        assert self.process.stdout.readline() == "ready\n"

    def go(self) -> None:
        self._write("go")

    def outcome(self) -> list[str]:
        return json.loads(self.process.stdout.readline())

    def _write(self, line: str) -> None:
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()

    def stop(self) -> None:
        self.process.stdin.close()
        self.process.wait(30)
        self.process.stdout.close()


@contextmanager
def deciders(number: int) -> Iterator[list[Decider]]:
    """Start so many processes, yield them, and stop them."""
    with ExitStack() as stack:
        started = [Decider() for _ in range(number)]
        for one in started:
            stack.callback(one.stop)
        yield started


def main() -> None:
    import django

    django.setup()
    from django.db import connection

    for line in sys.stdin:
        connection.ensure_connection()
        print("ready", flush=True)
        sys.stdin.readline()
        print(json.dumps(press(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
