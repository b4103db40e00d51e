"""Move all rows from a SQLite file into the empty database that is set, proved by the root."""

from pathlib import Path
from tempfile import TemporaryDirectory

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connection

from portal.backups.making import NotMade, make
from portal.backups.restoring import NotRestored, read_manifest, refuse_unless_empty, restore


class Command(BaseCommand):
    help = (
        "Copy all rows of a SQLite database into the empty PostgreSQL database that DATABASE_URL "
        "names. Every entry is hashed again on the other side: the same size and root, or nothing "
        "is moved. Stop the server first. Evidence files stay where they are; the file is left "
        "as it was."
    )
    requires_system_checks = ()  # the database is empty

    def add_arguments(self, parser):
        parser.add_argument("file", type=Path, help="The SQLite file, such as gatehouse.sqlite3.")

    def handle(self, *args, file, **options):
        if connection.vendor != "postgresql":
            raise CommandError("DATABASE_URL names no PostgreSQL database. Set it to the new one.")
        if not file.is_file():
            raise CommandError(f"{file} is no file.")
        source = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(file)}
        try:
            refuse_unless_empty(evidence=False)
            with TemporaryDirectory(prefix="gatehouse-move-", dir=file.absolute().parent) as folder:
                rows = Path(folder, "rows")
                made = make(source, rows, evidence=False, say=self.stdout.write)
                restore(rows, read_manifest(rows))
        except (NotMade, NotRestored, OSError, DatabaseError) as error:
            raise CommandError(f"Nothing was moved. {error}") from error
        self.stdout.write(
            f"Moved {made.rows} rows. {made.size} entries and the root {made.root} are the same "
            "on both sides."
        )
        call_command("audit_verify", evidence="all", stdout=self.stdout, stderr=self.stderr)
