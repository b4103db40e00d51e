"""`manage.py prune_records`: take away now what `tick` would take away within hours."""

from django.core.management.base import BaseCommand

from audit import clock
from runtime.records import pruning


class Command(BaseCommand):
    help = (
        "Prune request records that policy (`retention_days`) keeps no longer and no incident "
        "holds. Their hashes stay, and each pruning is an entry of the log."
    )

    def add_arguments(self, parser):
        parser.add_argument(
            "--dry-run", action="store_true", help="Say what would go, and take nothing away."
        )

    def handle(self, *args, **options):
        if options["dry_run"]:
            for line in pruning.foreseen(clock.now()):
                self.stdout.write(line)
            return
        self.stdout.write(pruning.prune())
