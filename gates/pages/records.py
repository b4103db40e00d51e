"""A signature as it is filed: one record, said by the page, in print, by the API and as a file."""

import json
from typing import Any

from audit.models import Entry
from audit.rules import canonical, digest, instant_text
from gates.models import PackagePerson
from gates.pages import words
from registry.showing import how

SCHEMA = "gatehouse.signature/1"


def record(row: PackagePerson) -> dict[str, Any]:
    """Return a signature with all that it is made of, and the log entry that holds it.

    `package.content` is the canonical text that was signed; its SHA-256 is `package.digest`.
    """
    entry = Entry.objects.filter(row=row.key, event=f"promotion.signed_{row.verdict}").first()
    return {
        "schema": SCHEMA,
        "promotion": row.promotion_id,
        "package": {
            "schema": row.package.schema,
            "digest": row.package_digest,
            "content": row.package.content,
        },
        "signer": {"id": row.person_id, "printed_name": row.printed_name},
        "role": row.role,
        "slot": row.slot,
        "verdict": row.verdict,
        "meaning": {"code": row.meaning, "sentence": words.meaning(row.verdict, row.meaning)},
        "reason": row.reason,
        "signed_at": instant_text(row.signed_at),
        "challenge": str(row.challenge_id),
        "authentication": {"code": row.authentication, "sentence": how(row.authentication)},
        "entry": entry and {"seq": entry.seq, "body": entry.body, "leaf": bytes(entry.leaf).hex()},
    }


def as_text(row: PackagePerson) -> str:
    """Return the same for people, one line for each thing."""
    lines = (
        ("Promotion", f"{row.promotion_id}: {words.question(row.promotion)}"),
        ("Package", row.package_digest),
        ("Printed name as of then", f"{row.printed_name} (person {row.person_id})"),
        ("Role and slot", f"{words.role(row.role)}, {row.slot}"),
        ("Verdict", row.get_verdict_display()),
        ("Meaning", words.meaning(row.verdict, row.meaning)),
        ("Reason", " ".join(row.reason.split())),
        ("Signed at", f"{row.signed_at:%d %b %Y %H:%M:%S} UTC"),
        ("How authenticated", f"{how(row.authentication)}, challenge {row.challenge_id}"),
    )
    return "".join(f"{label}: {said}\n" for label, said in lines)


def as_file(row: PackagePerson) -> bytes:
    """Return the file for the signer: the record's canonical text, its digest, and it in words.

    The text is carried as a string, so that no program on the way writes it another way.
    """
    text = canonical(record(row))
    document = {"digest": digest(text), "record": text.decode(), "text": as_text(row)}
    return json.dumps(document, indent=2, ensure_ascii=False).encode()
