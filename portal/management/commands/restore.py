"""Restore a backup into an empty database and storage, and verify everything."""

from pathlib import Path

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from audit import context
from audit.keys import NoKey
from audit.losses.finding import NotALoss, find
from portal.backups.restoring import (
    NotRestored,
    read_manifest,
    record,
    refuse_unless_empty,
    restore,
)


class Command(BaseCommand):
    help = (
        "Restore a backup into an empty database and an empty evidence storage, prove it by the "
        "log's root, and run audit_verify over everything, evidence and checkpoint file included. "
        "Exit codes are those of audit_verify."
    )
    requires_system_checks = ()  # the database is empty

    def add_arguments(self, parser):
        parser.add_argument("folder", type=Path, help="The folder that `backup` wrote.")

    @context.through("command:restore")
    def handle(self, *args, folder, **options):
        try:
            refuse_unless_empty()
            manifest = read_manifest(folder)
            said = manifest["log"]
            restore(folder, manifest)
            record(manifest)
        except (NotRestored, OSError, DatabaseError) as error:
            raise CommandError(f"Not restored. {error}") from error
        for sentence in manifest.get("damaged", ()):
            self.stderr.write(f"DAMAGED BEFORE THE BACKUP  {sentence}")
        self.stdout.write(
            f"Restored: {said['size']} entries, root {said['root']}, as of {manifest['made_at']}."
        )
        try:
            call_command("audit_verify", evidence="all", stdout=self.stdout, stderr=self.stderr)
        except SystemExit:
            self._say_what_is_lost()
            raise

    def _say_what_is_lost(self) -> None:
        try:
            lost = find()
        except (NotALoss, NoKey, OSError):
            return  # audit_verify named what is wrong
        if lost is not None:
            self.stderr.write(
                f"Entries {lost.kept_size} to {lost.last} were signed and are not in this backup. "
                "If there is no newer one, an administrator and a risk owner declare them lost: on "
                "the page of the log, or with manage.py declare_loss. Until then nothing is signed."
            )
