"""The three gates as shipped: version 1 of each, as plain data. Published by migration 0002.

A gate adds to the gates before it. `terms` are read by the rule of the requirement's type:

* evidence: `kind`; `verdicts` that meet it; `standings` that count, if not all; `tiers` it applies
  to, if not all; `max_age_days`, if age matters beyond the item's own end; `rollback` when the
  plan's target is judged too.
* score: every score that the use case demands. For scores and benchmarks alike, `partial` when a
  run that is not a full one counts too.
* metadata: `fields`, the codes of `registry.completeness`; `lineage` when digests are wanted.
* check: `check`, a name known to `gates.rules`; `max_age_hours` of the verification it reads.
"""

SANDBOX = {
    "requirements": [
        {
            "code": "safety_checks",
            "type": "evidence",
            "sentence": "Safety checks passed.",
            "guidance": "Try to make it do harm before anybody else does; say what was not tried.",
            "terms": {"kind": "safety_check", "verdicts": ["pass"]},
        },
        {
            "code": "data_boundary",
            "type": "evidence",
            "sentence": "The data boundary is stated.",
            "guidance": "Which data goes in, where it goes, and what must never be sent.",
            "terms": {"kind": "data_boundary", "verdicts": ["pass", "noted"]},
        },
        {
            "code": "basic_metadata",
            "type": "metadata",
            "sentence": "Identifier, provider, region and intended use are recorded.",
            "guidance": "Enough to say what runs, who makes it, where, and what for.",
            "terms": {"fields": ["identifier", "maker", "region", "intended_use"]},
        },
    ],
    "slots": {"reviewer": 1},
}

PRODUCTION = {
    "requirements": [
        {
            "code": "benchmark_scores",
            "type": "score",
            "sentence": "Benchmark scores are at or above what the use case demands.",
            "guidance": "The newest accepted run that is complete counts: release first.",
            "terms": {},
        },
        {
            "code": "privacy_review",
            "type": "evidence",
            "sentence": "A privacy review passed.",
            "guidance": "Whose data is touched, on what ground, and what was decided.",
            "terms": {"kind": "privacy_review", "verdicts": ["pass"]},
        },
        {
            "code": "rollback_plan",
            "type": "evidence",
            "sentence": "A rollback plan names what runs instead.",
            "guidance": "An earlier release approved there, or how the first one is switched off.",
            "terms": {"kind": "rollback_plan", "verdicts": ["pass", "noted"], "rollback": True},
        },
        {
            "code": "operational_readiness",
            "type": "evidence",
            "sentence": "Operational readiness was tried.",
            "guidance": "Monitoring, alerting and the runbook work, and somebody tried them.",
            "terms": {"kind": "operational_readiness", "verdicts": ["pass"]},
        },
        {
            "code": "operations",
            "type": "metadata",
            "sentence": "Service level objectives, on-call team and runbook are named.",
            "guidance": "Who is woken, what is promised, and what to do.",
            "terms": {"fields": ["objectives", "on_call", "runbook"]},
        },
        {
            "code": "red_team",
            "type": "evidence",
            "sentence": "A red team attacked it and the result is acceptable.",
            "guidance": "From limited risk up: attacks tried on purpose, how often they worked.",
            "terms": {"kind": "red_team", "verdicts": ["pass"], "tiers": ["limited", "high"]},
        },
        {
            "code": "full_metadata",
            "type": "metadata",
            "sentence": "The full minimum metadata is recorded.",
            "guidance": "Everything that a reviewer or an auditor asks of a version.",
            "terms": {
                "fields": [
                    "context_window",
                    "output_limit",
                    "modalities",
                    "capabilities",
                    "licence",
                    "lineage",
                    "datasets",
                    "retirement",
                    "card",
                    "served_release_id",
                ]
            },
        },
    ],
    "slots": {"risk_owner": 1},
}

REGULATED = {
    "requirements": [
        {
            "code": "independent_validation",
            "type": "evidence",
            "sentence": "An independent validation passed.",
            "guidance": "Somebody who did not make it checked that it does what is claimed.",
            "terms": {
                "kind": "independent_validation",
                "verdicts": ["pass"],
                "standings": ["independent"],
            },
        },
        {
            "code": "lineage_complete",
            "type": "metadata",
            "sentence": "Lineage is complete: each dataset, base version and prompt has a digest.",
            "guidance": "A gap in the lineage is a question that nobody can answer later.",
            "terms": {"lineage": True},
        },
        {
            "code": "evidence_complete",
            "type": "check",
            "sentence": "Every evidence file is there and its digest was verified.",
            "guidance": "Read from the last `audit_verify --evidence all`.",
            "terms": {"check": "evidence_complete", "max_age_hours": 168},
        },
        {
            "code": "log_traceable",
            "type": "check",
            "sentence": "The release's log is traceable from end to end.",
            "guidance": "Read from the last `audit_verify`.",
            "terms": {"check": "log_traceable", "max_age_hours": 168},
        },
    ],
    "slots": {"privacy_officer": 1, "independent_validator": 1},
}

GATES = {"sandbox": SANDBOX, "production": PRODUCTION, "regulated": REGULATED}


def document(gate: str, number: int, requirements: list[dict], slots: dict[str, int]) -> dict:
    """Return what the digest of a gate version is taken over."""
    return {
        "schema": "gatehouse.gate/1",
        "gate": gate,
        "number": number,
        "requirements": requirements,
        "slots": slots,
    }
