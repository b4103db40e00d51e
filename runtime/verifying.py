"""What `audit_verify` reconciles of what runs: generations without a gap, in the log's order."""

from collections.abc import Iterator

from audit.verifying import Discrepancy, Report, in_chunks
from registry.models import Environment
from runtime.models import Activation


def snapshots(report: Report, scope: str) -> Iterator[Discrepancy]:
    """Every environment has generations 1, 2, 3 … and each came after the one before it."""
    for environment in Environment.objects.order_by("pk"):
        rows = Activation.objects.filter(environment=environment).select_related("change")
        expected, number = 1, 0
        for chunk in in_chunks(rows, "generation"):
            for row in chunk:
                if row.generation != expected or row.change.number <= number:
                    yield Discrepancy(
                        "GENERATION_ORDER",
                        f"Generation {row.generation} of {environment} does not follow "
                        f"generation {expected - 1}.",
                        row.key,
                    )
                expected, number = row.generation + 1, row.change.number
