"""Scan the evidence files that wait for it."""

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from audit import context
from evidence import scanning
from evidence.models import FileScan


class Command(BaseCommand):
    help = "Scan the evidence files that no scan has passed or found something in."

    def add_arguments(self, parser):
        parser.add_argument("--all", action="store_true", help="scan every file anew")
        parser.add_argument("--seconds", type=int, default=300, help="the most that a file takes")

    @context.through("command:scan_evidence")
    def handle(self, **options):
        if not settings.EVIDENCE_SCAN_COMMAND:
            raise CommandError("No scanner is set. Name one in EVIDENCE_SCAN_COMMAND.")
        counts, lost = dict.fromkeys(FileScan.Outcome, 0), 0
        for pk in list(scanning.left_over(anew=options["all"]).values_list("pk", flat=True)):
            file = scanning.left_over(anew=True).get(pk=pk)
            try:
                counts[scanning.scan(file, seconds=options["seconds"]).outcome] += 1
            except OSError as error:
                lost += 1
                self.stderr.write(f"“{file}” cannot be read: {error}")
        told = ", ".join(f"{count} {FileScan.Outcome(one).label}" for one, count in counts.items())
        self.stdout.write(f"{sum(counts.values())} scanned: {told}.")
        if lost:
            raise CommandError(f"{lost} could not be read; see audit_verify --evidence all.")
