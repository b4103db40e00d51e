"""Write the log into files that can be checked without this server."""

import sys
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from audit import checkpoints, context, exporting, keys, system, tree
from audit.exporting import Archive, Folder, export, record


class Command(BaseCommand):
    help = (
        "Export the log: entries, checkpoints, public keys, a manifest and verify_audit.py, which "
        "checks them with Python and cryptography alone. Taken is what the newest checkpoint "
        "covers; one is signed first. The export is an entry of the log."
    )

    def add_arguments(self, parser):
        parser.add_argument(
            "path", help="A new folder; or a new file that ends in .zip; or - for an archive."
        )
        parser.add_argument("--reason", default="Export of the log.", help="Why; it is recorded.")

    @context.through("command:audit_export")
    def handle(self, *args, path, reason, **options):
        try:
            self._sign()
            size, last = exporting.covered()
            root = f"sha256:{tree.root_at(size).hex()}"
            # First the entry: an export that nobody recorded must not exist.
            record(size, root, actor=system("audit_export"), reason=reason)
            exported = self._write(path, size)
        except (OSError, DatabaseError, tree.TreeBroken) as error:
            raise CommandError(f"Not exported: {error}") from error
        self.stderr.write(f"{exported.size} entries, root {exported.root}.")
        if last is None:
            self.stderr.write("No checkpoint: nothing is signed here. Make a key with make_key.")

    def _sign(self) -> None:
        try:
            checkpoints.take()
        except keys.NoKey as error:
            self.stderr.write(f"No checkpoint was signed: {error}")
        except checkpoints.Inconsistent as error:
            # What is exported shows the disagreement to whoever checks it.
            self.stderr.write(f"NO CHECKPOINT IS SIGNED ANY MORE: {error}")

    def _write(self, path: str, size: int) -> exporting.Exported:
        if path == "-":
            with Archive(sys.stdout.buffer) as target:
                return export(target, size)
        if not path.endswith(".zip"):
            return export(Folder(Path(path)), size)
        with Path(path).open("xb") as out, Archive(out) as target:
            return export(target, size)
