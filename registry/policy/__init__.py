"""Policy in typed clauses: read, checked, merged, judged. Pure: no Django, no queries."""

from registry.policy.clauses import KINDS, Kind, kind_of
from registry.policy.judging import (
    Breach,
    EndpointFacts,
    Facts,
    Measured,
    Verdict,
    judge,
    judgements,
)
from registry.policy.merging import Effective, Held, Origin, Pack, effective_of, merge
from registry.policy.packs import About, read_pack
from registry.policy.reading import Known, Problem, Read, read_yaml, validate, write_yaml

__all__ = [
    "KINDS",
    "About",
    "Breach",
    "Effective",
    "EndpointFacts",
    "Facts",
    "Held",
    "Kind",
    "Known",
    "Measured",
    "Origin",
    "Pack",
    "Problem",
    "Read",
    "Verdict",
    "effective_of",
    "judge",
    "judgements",
    "kind_of",
    "merge",
    "read_pack",
    "read_yaml",
    "validate",
    "write_yaml",
]
