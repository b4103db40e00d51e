"""Build an evidence pack on the command line."""

import json
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from audit import Refused, context, receipts, system
from audit.instants import read_instant
from audit.tree import TreeBroken
from audit.zipping import Altered
from gates.models import Promotion
from registry.models import Environment
from registry.visibility import SEES_ALL
from runtime.packs.asking import entry_of, joining, period
from runtime.packs.building import Subject, read_as_of, settled
from runtime.packs.models import EvidencePack
from runtime.packs.transitions import record


class Command(BaseCommand):
    help = (
        "Build an evidence pack of a promotion, or of an environment over a period: a ZIP archive "
        "that sha256sum and verify_audit.py check. That it was built is an entry of the log."
    )

    def add_arguments(self, parser):
        parser.add_argument("noun", choices=("promotion", "environment"))
        parser.add_argument("name", help="The promotion's number, or the environment's slug.")
        parser.add_argument("path", help="A new file, or - for standard output.")
        parser.add_argument("--as-of", help="An instant (RFC 3339); without it, now.")
        parser.add_argument("--since", help="Where the period of an environment begins.")
        parser.add_argument("--pdf", action="store_true", help="Put the report in as PDF too.")
        parser.add_argument("--receipt", help="A new file for the receipt of the pack's entry.")
        parser.add_argument(
            "--consistency", help="A new file for the proof that joins the receipt to the pack."
        )
        parser.add_argument("--reason", default="Built on the command line.", help="Recorded.")

    @context.through("command:evidence_pack")
    def handle(self, *args, noun, name, path, pdf, receipt, consistency, reason, **options):
        as_of, since = (self._instant(options[one], one) for one in ("as_of", "since"))
        try:
            subject, at = self._subject(noun, name, since), read_as_of(as_of)
            if since is not None:
                period(since, at)
            pack = settled(subject, SEES_ALL, at, with_pdf=pdf)
            with (
                pack.bundle,
                _out(path) as out,
                _out(receipt) as proof,
                _out(consistency) as joined,
            ):
                # First the entry: a pack that nobody recorded must not exist.
                row = record(pack, actor=system("evidence_pack"), reason=reason)
                for chunk in pack.bundle.stream():
                    out.write(chunk)
                no_proof = self._prove(row, proof, joined)
        except (Refused, Altered, OSError, DatabaseError) as error:
            raise CommandError(f"Not built: {error}") from error
        if no_proof:
            for name in filter(None, (receipt, consistency)):
                Path(name).unlink(missing_ok=True)
            raise CommandError(
                f"It is built, written and recorded as pack {row.pk}, but there is no receipt yet: "
                f"{no_proof} Take it from the page of the pack."
            )
        self.stderr.write(f"{row.files} files, {row.size} bytes, manifest {row.manifest}.")
        for one in pack.left_out:
            self.stderr.write(f"Left out: {one['what']}. {one['why']}")

    def _prove(self, row: EvidencePack, receipt: IO[bytes] | None, joined: IO[bytes] | None) -> str:
        """Write the proofs that are asked for; return why there are none, if so."""
        try:
            if receipt is not None:
                seq = entry_of(row).seq
                receipt.write(receipts.handed_out(seq, by_first=True).encode())
            if joined is not None:
                joined.write(json.dumps(joining(row)).encode())
        except (receipts.NotYet, TreeBroken) as error:
            return str(error)
        return ""

    def _instant(self, text: str | None, name: str):
        if text is None:
            return None
        found, problem = read_instant(text)
        if problem:
            raise CommandError(f"--{name.replace('_', '-')}: {problem}")
        return found

    def _subject(self, noun: str, name: str, since) -> Subject:
        if noun == "promotion":
            found = Promotion.objects.filter(
                pk=int(name) if name.isdecimal() and len(name) < 19 else 0
            ).first()
        else:
            found = Environment.objects.filter(slug=name).first()
        if found is None:
            raise CommandError(f"There is no {noun} {name}.")
        if noun == "promotion":
            return Subject(promotion=found)
        if since is None:
            raise CommandError("Say with --since where the period begins.")
        return Subject(environment=found, since=since)


@contextmanager
def _out(path: str | None):
    """Yield a new file to write to; standard output for “-”, nothing for no path."""
    if path is None:
        yield None
    elif path == "-":
        yield sys.stdout.buffer
    else:
        with Path(path).open("xb") as file:
            try:
                yield file
            except BaseException:
                # What was refused leaves no file in the way of the next attempt.
                Path(path).unlink()
                raise
