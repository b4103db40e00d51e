"""Every finding about a release in an environment: gate, policy and waivers, judged together."""

from datetime import datetime

from gates.facts import Gate, Gathered
from gates.policy import Judged, policy_findings
from gates.rules import Finding, assess
from gates.rules.waivers import with_waivers
from gates.waivers import facts_of


def findings_of(
    gate: Gate, gathered: Gathered, policy: Judged, at: datetime
) -> tuple[Finding, ...]:
    """Return one finding per requirement and clause that applies, judged at `at`.

    What policy says is never waived.
    """
    asked = assess(gate.requirements, gathered.facts, at)
    waived = with_waivers(asked, gate.requirements, facts_of(gathered.waivers.values()), at)
    return (*waived, *policy_findings(policy))
