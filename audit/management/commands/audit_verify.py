"""Check the whole record and say what disagrees."""

import json
import sys
from pathlib import Path

from django.core.management.base import BaseCommand
from django.db import DatabaseError

from audit import clock, context, system
from audit.models import Verification
from audit.verify_audit import Malformed, read_notes
from audit.verifying import record, verify


class Command(BaseCommand):
    help = (
        "Reconcile log, rows, history and files. Exit 0: clean. Exit 1: each discrepancy named. "
        "Exit 2: could not check. What was found is recorded."
    )
    requires_system_checks = ()  # a missing trigger is something to report, not to stumble over

    def add_arguments(self, parser):
        parser.add_argument(
            "--evidence",
            choices=["none", "all"],
            default="none",
            help="Also read every evidence file and compare its digest.",
        )
        parser.add_argument(
            "--checkpoint",
            type=Path,
            action="append",
            default=[],
            metavar="FILE",
            help="Also compare with a checkpoint kept elsewhere: a signed note, a signer's "
            "receipt, or a file of checkpoints. Repeatable.",
        )
        parser.add_argument("--json", action="store_true", help="Print one JSON document.")

    @context.through("command:audit_verify")
    def handle(self, *args, **options):
        scope = (
            Verification.Scope.EVIDENCE
            if options["evidence"] == "all"
            else Verification.Scope.RECORD
        )
        started_at = clock.now()
        try:
            outside = [
                (str(path), note)
                for path in options["checkpoint"]
                for note in read_notes(path.read_text(encoding="utf-8"))
            ]
            report = verify(scope, outside)
            record(report, scope=scope, actor=system("audit_verify"), started_at=started_at)
        except (DatabaseError, OSError, Malformed, UnicodeDecodeError) as error:
            self.stderr.write(f"Could not check: {error}")
            sys.exit(2)
        if options["json"]:
            self.stdout.write(
                json.dumps(
                    {
                        "size": report.size,
                        "root": report.root,
                        "discrepancies": [vars(item) for item in report.found],
                        "more": report.more,
                        "not_checked": report.not_checked,
                        "lost": report.lost,
                        "notes": report.notes,
                    },
                    indent=2,
                )
            )
        else:
            for item in report.found:
                self.stdout.write(f"{item.code}  {item.sentence}")
            if report.more:
                self.stdout.write(f"MORE  {report.more} discrepancies that are not named here.")
            for sentence in report.not_checked:
                self.stdout.write(f"NOT_CHECKED  {sentence}")
            for sentence in report.lost:
                self.stdout.write(f"LOST  {sentence}")
            for sentence in report.notes:
                self.stdout.write(f"NOTE  {sentence}")
            self.stdout.write(
                f"{report.size} entries, root {report.root}: "
                + (f"{report.total} discrepancies." if report.found else "clean.")
            )
        if report.found:
            sys.exit(1)
        if report.not_checked:
            sys.exit(2)
