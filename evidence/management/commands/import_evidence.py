"""Give one evidence item from files on disk, as a pipeline would over the network."""

import json
from contextlib import ExitStack
from pathlib import Path

from django.core.files import File
from django.core.management.base import BaseCommand, CommandError

from audit import Refused, context
from evidence import giving
from evidence.kinds import KINDS
from evidence.models import EvidenceItem
from evidence.score_files import BeingRead
from registry.models import Person


class Command(BaseCommand):
    help = "Give one evidence item about a release or a model version, with files from disk."

    def add_arguments(self, parser):
        parser.add_argument("files", nargs="*", metavar="FILE")
        parser.add_argument("--as", dest="username", required=True, help="who gives it")
        parser.add_argument("--release", default="", help=giving.FIELDS["release"])
        parser.add_argument(
            "--version-of",
            dest="version",
            default="",
            metavar="VERSION",
            help=giving.FIELDS["version"],
        )
        parser.add_argument("--kind", required=True, choices=list(KINDS))
        parser.add_argument("--title", required=True)
        parser.add_argument("--verdict", required=True, choices=EvidenceItem.Verdict.values)
        parser.add_argument(
            "--standing",
            default=EvidenceItem.Standing.INTERNAL,
            choices=EvidenceItem.Standing.values,
        )
        parser.add_argument("--vouched-by", required=True, help=giving.FIELDS["vouched_by"])
        parser.add_argument(
            "--answer",
            action="append",
            default=[],
            metavar="KEY=TEXT",
            help="an answer to one of the kind's questions",
        )
        parser.add_argument("--answers", default="", help="all answers, as a JSON object")
        parser.add_argument("--expires-at", default="", help=giving.FIELDS["expires_at"])
        parser.add_argument("--replaces", default="", help=giving.FIELDS["replaces"])
        parser.add_argument(
            "--scores", default="", metavar="JSON", help="what to take from one of the files, or {}"
        )
        parser.add_argument("--reason", default="Brought in from disk.", help="for the record")
        parser.add_argument("--key", default="", help="given again with this key, nothing is new")

    @context.through("command:import_evidence")
    def handle(self, **options):
        try:
            actor = Person.objects.get(username=options["username"])
        except Person.DoesNotExist:
            raise CommandError(f"There is nobody named {options['username']}.") from None
        texts = {name: options[name] for name in giving.FIELDS if name != "answers"}
        texts["answers"] = _answers(options)
        with ExitStack() as opened:
            files = [_opened(opened, path) for path in options["files"]]
            try:
                given = giving.read(texts, actor=actor)
                item, is_new = _give(given, files, options["key"], actor)
            except Refused as refused:
                told = "\n".join(reason.sentence for reason in refused.reasons)
                raise CommandError(told) from None
        was = "is given" if is_new else "was given before"
        self.stdout.write(f"“{item}” {was}: {item.pk} {item.digest}")


def _give(given: giving.Given, files: list[File], key: str, actor) -> tuple[EvidenceItem, bool]:
    """Give the item; a file that is long to read is waited for, which its reader bounds."""
    while True:
        try:
            return giving.give_once(given, files, key=key, actor=actor)
        except BeingRead:
            continue


def _answers(options: dict) -> str:
    if not options["answer"]:
        return options["answers"]
    if options["answers"]:
        raise CommandError("Give --answer or --answers, not both.")
    pairs = [pair.partition("=") for pair in options["answer"]]
    if wrong := next((key for key, equals, _ in pairs if not equals), None):
        raise CommandError(f"“{wrong}” is no answer. Write it as method=Two testers.")
    return json.dumps({key: text for key, _, text in pairs})


def _opened(opened: ExitStack, path: str) -> File:
    try:
        return File(opened.enter_context(Path(path).open("rb")), name=Path(path).name)
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}.") from None
