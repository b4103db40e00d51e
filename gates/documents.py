"""What the digest of a gate version is taken over."""

from gates.models import GateVersion


def gate_version(version: GateVersion) -> dict:
    """Return the document of a version, in schema gatehouse.gate/2.

    The versions that came with Gatehouse are in schema 1 (`gates.shipped`), which knew no links.
    """
    return {
        "schema": "gatehouse.gate/2",
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
            }
            for row in version.requirements.order_by("position", "code")
        ],
        "slots": {row.role: row.count for row in version.slots.order_by("role")},
    }
