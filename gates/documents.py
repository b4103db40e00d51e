"""What the digest of a gate version is taken over."""

from gates.models import GateVersion


def gate_version(version: GateVersion) -> dict:
    """Return the document of a version, in schema gatehouse.gate/3.

    Schema 2 did not say what a requirement follows from. The versions that came with Gatehouse are
    in schema 1 (`gates.shipped`), which knew no links either.
    """
    return {
        "schema": "gatehouse.gate/3",
        "gate": version.gate,
        "number": version.number,
        "notes": version.notes,
        "requirements": [
            {
                "code": row.code,
                "type": row.type,
                "sentence": row.sentence,
                "guidance": row.guidance,
                "guidance_url": row.guidance_url,
                "terms": row.terms,
                "follows_from": row.follows_from,
            }
            for row in version.requirements.order_by("position", "code")
        ],
        "slots": {row.role: row.count for row in version.slots.order_by("role")},
    }
