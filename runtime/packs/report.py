"""The report of a pack for people: HTML that prints well, and PDF where the extra is installed."""

import logging
from typing import TYPE_CHECKING

from django.conf import settings
from django.template.loader import render_to_string

from audit import Reason, Refused
from audit.rules import instant_text
from audit.verify_audit import LIMITS
from runtime.packs.telling import Told, View

if TYPE_CHECKING:
    from runtime.packs.building import Subject

README_TEXT = """\
An evidence pack of {subject}, as of {at}.
Taken from {origin}. What was known at that instant is in it, and nothing that came later; what it
could not hold is named in manifest.json under "left_out" and in report.html.

1. See that no file was changed since, in this folder:

       sha256sum -c SHA256SUMS

2. Check it against the log, with Python 3.11 and the package cryptography, nothing else:

       python3 verify_audit.py pack . --keys KEYS --receipt RECEIPT --consistency JOINED \\
           --checkpoint CHECKPOINT

   KEYS are the public keys of the server, best those that you kept from an earlier day
   ({address}/.well-known/gatehouse-keys.json). keys.json in here came from whoever made this pack,
   and so did this copy of verify_audit.py: where you do not trust them, take both from elsewhere.
   RECEIPT proves the entry of the log that records this pack with the digest of manifest.json. It
   is beside the download on the pack's page, not in the pack: the entry came after it. JOINED,
   from there too, proves that the log of the receipt goes on from the one in here.
   CHECKPOINT is what left the server before: a signer's receipt, a checkpoint that was pulled, a
   line of the checkpoint file.

report.html           all of it for people; it prints well{pdf}
documents/            the same for programs, a file for each section of the report
packages/             what was signed, by digest: the digest is the SHA-256 of the file
releases/, policies/, gates/, effective/, snapshots/
                      what those name, by digest, likewise
evidence/<id>/        item.json, over which an item's digest is taken, and its files as they were
                      given. Nobody opened them on the way: open them with care.
log/entries.ndjson    entries of the log, one a line: the very bytes that are hashed
log/proofs.ndjson     for each the path to the root (RFC 9162, 2.1.3), in the same order
log/rows.ndjson       rows that those entries wrote: the entry names the SHA-256 of "document"
log/checkpoint.txt    the signed note over that root (C2SP tlog-checkpoint)
log/consistency.ndjson  proofs that earlier checkpoints are how this log began
keys.json             the public keys that signed the note, as a JWK Set
manifest.json         what the pack is of, and the SHA-256 of every file
SHA256SUMS            the same for sha256sum

Made again as of the same instant, a pack has the same bytes, as long as neither Gatehouse nor what
may be handed out has changed; report.pdf depends on the fonts of the server too.
"""
NO_PDF = (
    "PDF takes the extra `pdf` and, beside it, the system libraries of Pango "
    "(Debian: libpango-1.0-0, libpangoft2-1.0-0, libharfbuzz-subset0). Whoever runs Gatehouse "
    "installs them. report.html is in every pack, and any browser prints it to PDF."
)


class NoPdf(Refused):
    """PDF cannot be written here."""

    status = 422


def readme(subject: "Subject", view: View) -> str:
    """Return what stands beside the files, for whoever unpacks them."""
    return README_TEXT.format(
        subject=subject.words,
        at=instant_text(view.at),
        origin=view.covered.origin,
        address=settings.GATEHOUSE_URL,
        pdf="; report.pdf is the same, if it was asked for",
    )


def as_html(subject: "Subject", view: View, told: Told, root: str) -> str:
    """Return the report as one file that needs no other."""
    documents = told.documents
    promotions = (
        [documents]
        if subject.promotion is not None
        else [
            {
                name.rpartition("/")[2]: document
                for name, document in documents.items()
                if name.startswith(f"promotions/{one['id']}/")
            }
            for one in documents["promotions"]
        ]
    )
    context = {
        "subject": subject,
        "view": view,
        "documents": documents,
        "promotions": promotions,
        "environment": documents.get("environment"),
        "history": documents["history"],
        "left_out": told.left_out,
        "origin": view.covered.origin,
        "checkpoint": view.covered.checkpoint,
        "root": root,
        "limits": LIMITS,
    }
    return render_to_string("runtime/packs/report.html", context)


def has_pdf() -> bool:
    """Whether PDF can be written here."""
    try:
        import weasyprint  # noqa: F401
    except (ImportError, OSError):
        # OSError: the package is there, a library that it loads is not.
        return False
    return True


def demand_pdf() -> None:
    """Raise `NoPdf` in words where PDF cannot be written."""
    if not has_pdf():
        raise NoPdf(Reason("NO_PDF", NO_PDF, "pdf"))


def as_pdf(html: str) -> bytes:
    """Return the report as PDF; nothing is fetched for it from anywhere."""
    from weasyprint import HTML

    # It tells of every rule of the style sheet that is for screens alone.
    logging.getLogger("weasyprint").setLevel(logging.ERROR)
    return HTML(string=html, url_fetcher=_nothing).write_pdf(pdf_variant="pdf/ua-1")


def _nothing(url: str, *args, **named):
    raise ValueError(f"A report needs no other file, and none is fetched: {url}")
