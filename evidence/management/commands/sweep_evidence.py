"""Remove what uploads left behind."""

from django.core.management.base import BaseCommand

from evidence import sweeping


class Command(BaseCommand):
    help = "Remove files older than a day that no row names: uploads that were never finished."

    def handle(self, **options):
        swept = sweeping.sweep()
        self.stdout.write(
            f"{swept.parts} parts and {swept.files} files that no row names were removed; "
            f"{swept.seen} files were looked at."
        )
