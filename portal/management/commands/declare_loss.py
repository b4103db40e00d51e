"""Declare a loss at a terminal, by two people, where the portal cannot be entered."""

from getpass import getpass
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from audit import Refused, checkpoints, context
from audit.verify_audit import Malformed, read_checkpoint, read_notes
from registry import transitions
from registry.models import Person
from registry.second_factor import has_second_factor
from registry.showing import Shown
from registry.transitions.losses import lost, waiting


class Command(BaseCommand):
    help = (
        "Declare that entries which were signed are lost with the machine that held them, after a "
        "restore from an older backup. An administrator and a risk owner for all teams do it, each "
        "with their own password. The log then goes on under another origin, and every verifier "
        "names the loss for good. Where the portal can be entered, do it on the page of the log."
    )

    def add_arguments(self, parser):
        parser.add_argument("--reason", required=True, help="What happened; it is recorded.")
        parser.add_argument(
            "--checkpoint",
            type=Path,
            action="append",
            default=[],
            metavar="FILE",
            help="A checkpoint that was kept elsewhere and that the checkpoint file lacks: a "
            "signed note, a signer's receipt, or a file of checkpoints. Repeatable.",
        )

    @context.through("command:declare_loss")
    def handle(self, *args, reason, checkpoint, **options):
        try:
            outside = [
                (str(path), note)
                for path in checkpoint
                for note in read_notes(path.read_text(encoding="utf-8"))
            ]
            found = lost(outside)
            self._show(found)
            declared = waiting(found)
            if declared is None:
                first, password = self._who("Who declares it")
                declared = transitions.declare_loss(
                    outside=outside, password=password, actor=first, reason=reason
                )
            self.stdout.write(f"Declared by {declared.printed_name}: “{declared.reason}”")
            second, password = self._who("Who confirms it")
            transitions.confirm_loss(declared.pk, password=password, actor=second, reason=reason)
        except Refused as refused:
            sentences = " ".join(one.sentence for one in refused.reasons)
            raise CommandError(f"The loss is not declared. {sentences}") from refused
        except (OSError, UnicodeDecodeError, Malformed, DatabaseError) as error:
            raise CommandError(f"The loss is not declared. {error}") from error
        self.stdout.write(
            f"{second.name} confirmed it. From now on the log is signed as {checkpoints.origin()}."
        )

    def _show(self, found) -> None:
        for note in found.notes:
            said = read_checkpoint(note)
            self.stdout.write(
                f"Signed as {said.origin}: {said.size} entries, root {said.root.hex()}."
            )
        self.stdout.write(
            f"This log has the first {found.kept_size} of them, root {found.kept_root}. Entries "
            f"{found.kept_size} to {found.last} are lost."
        )

    def _who(self, what: str) -> tuple[Person, Shown]:
        name = input(f"{what} (user name): ").strip()
        person = Person.objects.filter(username=name).first()
        password = getpass(f"Password of {name}: ")
        if person is None:
            raise CommandError(f"Nobody has the user name {name}.")
        code = getpass("Code of the authenticator app: ") if has_second_factor(person) else ""
        return person, Shown(password=password, code=code)
