"""Reports that people write, and tables that their scripts print."""

import csv
import io
from collections.abc import Iterable, Sequence

from portal.demo.files import Made


def report(name: str, text: str) -> Made:
    """Return a Markdown report."""
    return Made(f"{name}.md", text.strip().encode() + b"\n")


def table(name: str, heads: Sequence[str], rows: Iterable[Sequence]) -> Made:
    """Return a table of comma-separated values with a line of heads."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(heads)
    writer.writerows(rows)
    return Made(f"{name}.csv", text.getvalue().encode())
