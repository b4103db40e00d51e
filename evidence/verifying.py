"""What `audit_verify` asks of evidence: what items say, and the bytes of every file."""

import json
from collections.abc import Iterable, Iterator

from audit.models import Verification
from audit.rules import canonical
from audit.verifying import CHUNK, Discrepancy, Report, in_chunks
from evidence import documents, storage
from evidence.models import EvidenceFile, EvidenceItem, RunAcceptance


def verify(report: Report, scope: str) -> Iterator[Discrepancy]:
    """Yield what in items, acceptances and, when asked for, files is not what was given."""
    yield from _items()
    yield from _acceptances()
    if scope == Verification.Scope.EVIDENCE:
        yield from _files(report)


def _items() -> Iterator[Discrepancy]:
    """Build the document of each item again from its row and its files, and compare."""
    items = EvidenceItem.objects.select_related(
        "release__use_case", "version__model", "author", "replaces"
    ).prefetch_related("files")
    for chunk in in_chunks(items):
        for item in chunk:
            said = canonical(documents.evidence_item(item, item.files.all())).decode()
            if said != item.content:
                yield Discrepancy(
                    "EVIDENCE_CONTENT",
                    f"The evidence item “{item}” was given as something else"
                    f"{_differing(said, item.content)}.",
                    item.key,
                )


def _differing(said: str, given: str) -> str:
    """Name what two documents differ in, if both can be read."""
    try:
        before = json.loads(given)
        names = [name for name, value in json.loads(said).items() if before.get(name) != value]
    except (ValueError, AttributeError):
        return ""
    return f": its {', '.join(names)} differ" if names else ""


def _acceptances() -> Iterator[Discrepancy]:
    """An acceptance names the giver of its run, or the rule of two people checked another one."""
    for chunk in in_chunks(RunAcceptance.objects.select_related("run")):
        for acceptance in chunk:
            if acceptance.given_by_id != acceptance.run.given_by_id:
                yield Discrepancy(
                    "ACCEPTANCE_GIVER",
                    f"The acceptance of run {acceptance.run_id} names another giver than the run.",
                    acceptance.key,
                )


def _files(report: Report) -> Iterator[Discrepancy]:
    """Read the bytes of every file once, however many rows name them."""
    files = EvidenceFile.objects.order_by("sha256")
    if not storage.is_reachable():
        if count := files.count():
            report.not_checked.append(
                f"The evidence storage cannot be reached. Files not read: {count}."
            )
        return
    last = ""
    while True:
        digests = files.filter(sha256__gt=last).values_list("sha256", flat=True).distinct()
        page = list(digests[:CHUNK])
        if not page:
            return
        for sha256 in page:
            yield from _bytes_of(report, sha256, files.filter(sha256=sha256))
        last = page[-1]


def _bytes_of(report: Report, sha256: str, rows: Iterable[EvidenceFile]) -> Iterator[Discrepancy]:
    try:
        found, size = storage.digest_of(sha256)
    except FileNotFoundError:
        for row in rows:
            sentence = f"The evidence file “{row}” ({row.digest}) is lost."
            yield Discrepancy("FILE_LOST", sentence, row.key)
        return
    except Exception as error:  # noqa: BLE001 - each storage has errors of its own
        report.not_checked.append(f"The evidence file sha256:{sha256} cannot be read: {error}")
        return
    for row in rows:
        if found != sha256:
            yield Discrepancy(
                "FILE_ALTERED",
                f"The evidence file “{row}” ({row.digest}) holds other bytes: sha256:{found}.",
                row.key,
            )
        elif size != row.size:
            yield Discrepancy(
                "FILE_SIZE",
                f"The evidence file “{row}” has {size} bytes; its row says {row.size}.",
                row.key,
            )
