"""The scores that a reader found in a file of an item, given as runs of it."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from audit.refusals import Reason
from evidence import matching
from evidence.matching import Choice
from evidence.models import EvaluationRun, EvidenceFile
from evidence.readers.result import Outcome, Result
from evidence.transitions.judging import refuse
from evidence.transitions.runs import add_runs


def give_read_scores(
    item_pk: UUID,
    *,
    file: EvidenceFile,
    result: Result,
    choices: Sequence[Choice],
    ran_at: datetime,
    source: str,
    completeness: str = EvaluationRun.Completeness.COMPLETE,
    actor,
    reason: str,
) -> list[EvaluationRun]:
    """Give what a reader made of `file` as a run a suite version, all in one change.

    `choices` say which registered metric each figure is; a figure without one is left out. A run
    that the file says is not a full one is never complete. Raises as `add_runs` does.
    """
    reasons = matching.judge(result, choices)
    partial = EvaluationRun.Completeness.PARTIAL
    if result.outcome is Outcome.PARTIAL and completeness != partial:
        sentence = f"It is not a full run. {result.message}"
        reasons.append(Reason("PARTIAL", sentence, "completeness"))
    if file.item_id != item_pk:
        sentence = "The file is not one of this item. Choose one of its own."
        reasons.append(Reason("FILE_OF_ANOTHER", sentence, "file"))
    refuse(reasons)
    about = {"ran_at": ran_at, "source": source, "completeness": completeness}
    runs = matching.runs_of(result, choices, file=file.name, sha256=file.sha256, about=about)
    return add_runs(item_pk, runs=runs, actor=actor, reason=reason)
