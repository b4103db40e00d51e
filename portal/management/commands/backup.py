"""Write a backup: rows of one moment, the evidence files they name, and a manifest."""

import sys
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connection

from portal.backups.making import NotMade, make


class Command(BaseCommand):
    help = (
        "Write a backup into a new folder while work goes on: all rows of one moment, every "
        "evidence file they name, and a manifest with the log's root and SHA-256 sums. Signing "
        "keys are not in it. Exit 1: it is there, but evidence files are lost or altered."
    )

    def add_arguments(self, parser):
        parser.add_argument("folder", type=Path, help="A folder that is not there yet.")

    def handle(self, *args, folder, **options):
        try:
            made = make(connection.settings_dict, folder, say=self.stdout.write)
        except (NotMade, OSError, DatabaseError) as error:
            raise CommandError(f"No backup was made. {error}") from error
        for sentence in made.damaged:
            self.stderr.write(f"DAMAGED  {sentence}")
        self.stdout.write(
            f"{folder}: {made.rows} rows, {made.files} evidence files; {made.size} entries, "
            f"root {made.root}."
        )
        if made.damaged:
            sys.exit(1)
