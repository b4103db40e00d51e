"""What the readers make of files; nothing is recorded."""

import json
import sys

from django.core.management.base import BaseCommand

from evidence.readers.child import read_in_child
from evidence.readers.result import Outcome, Result

#: Rows of a file that the table shows.
MOST_SHOWN = 200


class Command(BaseCommand):
    help = "Shows what the readers make of evidence files, and records nothing."
    requires_system_checks = []

    def add_arguments(self, parser):
        parser.add_argument("files", nargs="+", metavar="FILE")
        parser.add_argument("--json", action="store_true", help="print a JSON list for tools")

    def handle(self, **options):
        results = [read_in_child(path) for path in options["files"]]
        if options["json"]:
            documents = [result.as_document() for result in results]
            self.stdout.write(json.dumps(documents, ensure_ascii=False, indent=2))
        else:
            for result in results:
                self._print(result)
        if any(result.outcome is Outcome.REFUSED for result in results):
            sys.exit(1)

    def _print(self, result: Result) -> None:
        of = f" of {result.tool}" if result.tool else ""
        self.stdout.write(f"{result.file}: {result.outcome.value}{of}. {result.message}")
        about = [result.subject and f"model {result.subject}", result.created]
        if told := ", ".join(filter(None, about)):
            self.stdout.write(f"  {told}")
        for warning in result.warnings:
            self.stdout.write(f"  note: {warning}")
        shown = result.scores[:MOST_SHOWN]
        width = max((len(score.name) for score in shown), default=0)
        for score in shown:
            value = score.text or "–"
            more = [
                score.stderr_text and f"± {score.stderr_text}",
                score.n and f"n {score.n}",
                {True: "more is better", False: "less is better"}.get(score.higher_is_better),
            ]
            line = f"  {score.name:{width}}  {value}  {', '.join(filter(None, more))}"
            self.stdout.write(line.rstrip())
        if left := len(result.scores) - len(shown):
            self.stdout.write(f"  … and {left:,} more; --json prints all.")
