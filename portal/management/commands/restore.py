"""Restore a backup into an empty database and storage, and verify everything."""

from pathlib import Path

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from portal.backups.restoring import NotRestored, read_manifest, refuse_unless_empty, restore


class Command(BaseCommand):
    help = (
        "Restore a backup into an empty database and an empty evidence storage, prove it by the "
        "log's root, and run audit_verify over everything, evidence and checkpoint file included. "
        "Exit codes are those of audit_verify."
    )
    requires_system_checks = ()  # the database is empty

    def add_arguments(self, parser):
        parser.add_argument("folder", type=Path, help="The folder that `backup` wrote.")

    def handle(self, *args, folder, **options):
        try:
            refuse_unless_empty()
            manifest = read_manifest(folder)
            said = manifest["log"]
            restore(folder, manifest)
        except (NotRestored, OSError, DatabaseError) as error:
            raise CommandError(f"Not restored. {error}") from error
        for sentence in manifest.get("damaged", ()):
            self.stderr.write(f"DAMAGED BEFORE THE BACKUP  {sentence}")
        self.stdout.write(
            f"Restored: {said['size']} entries, root {said['root']}, as of {manifest['made_at']}."
        )
        call_command("audit_verify", evidence="all", stdout=self.stdout, stderr=self.stderr)
