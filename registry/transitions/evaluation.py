"""New versions of evaluation suites, with their metrics."""

import audit
from audit import Change, Reason, Refused
from registry import rights
from registry.models import EvaluationSuite, Metric, Person, SuiteVersion
from registry.transitions.rows import next_number


def publish_suite_version(
    suite_pk: int, *, notes: str = "", metrics: list[dict], actor, reason: str
) -> SuiteVersion:
    """Publish the next version of a suite; metrics are dicts of name, unit, higher_is_better.

    Raises `Refused` for a version without metrics, or with one name twice.
    """
    with audit.change(actor=actor, reason=reason) as change:
        person = rights.acting(change, actor)
        return publish_in(change, person, suite_pk, notes=notes, metrics=metrics)


def publish_in(
    change: Change, person: Person, suite_pk: int, *, notes: str, metrics: list[dict]
) -> SuiteVersion:
    """Do what `publish_suite_version` does within a change that is open."""
    number = next_number(change, EvaluationSuite, suite_pk, "versions")
    suite = EvaluationSuite._base_manager.get(pk=suite_pk)
    rights.demand(person, "save", suite)
    if not metrics:
        raise Refused(Reason("METRICS_MISSING", "Name one metric at least; scores are kept by it."))
    version = change.save(SuiteVersion(suite=suite, number=number, notes=notes))
    for metric in metrics:
        change.save(Metric(suite_version=version, **metric))
    return version
