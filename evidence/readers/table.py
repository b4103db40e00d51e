"""Scores as plain CSV with the header that `docs/evidence-files.md` describes. Pure."""

import csv
import io
import re
from collections.abc import Iterator
from typing import Any

from evidence.intervals import is_level
from evidence.readers.result import Broken, Figure, Report, Result, shown
from evidence.readers.source import Source
from evidence.rules import parse_score

TOOL = "csv"
NEEDED = ("suite", "metric", "value")
OPTIONAL = (
    "filter",
    "stderr",
    "n",
    "low",
    "high",
    "level",
    "higher_is_better",
    "subject",
    "created",
)
DELIMITERS = (",", ";", "\t")
#: How tables say that there is no number.
EMPTY = {"", "n/a", "na", "-", "null", "none"}
NOT_FINITE = re.compile(r"[+-]?(?:nan|inf(?:inity)?)", re.IGNORECASE)
BOOLEANS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False, "": None}
MOST_ROWS = 20_000
LONGEST_FIELD = 1000


def claims(source: Source) -> bool:
    """Whether the first line is the header, in any order and with any columns beside."""
    return _delimiter(source) is not None


def _delimiter(source: Source) -> str | None:
    if source.is_json or not source.head:
        return None
    first = source.head.partition("\n")[0]
    for delimiter in DELIMITERS:
        if set(NEEDED) <= {_name(cell) for cell in first.split(delimiter)}:
            return delimiter
    return None


def _name(cell: str) -> str:
    return cell.strip().strip('"').strip().lower()


def read(source: Source) -> Result:
    """Return a score a row. Raises `Broken` with the line of what is no figure."""
    report = Report(TOOL)
    rows = _rows(source, _delimiter(source) or ",")
    _, header = next(rows)
    names = [_name(cell) for cell in header]
    if twice := {name for name in names if name and names.count(name) > 1}:
        raise Broken(f"The header names {', '.join(sorted(twice))} more than once.")
    if others := [name for name in names if name and name not in NEEDED + OPTIONAL]:
        report.warn(f"Columns that are not read: {', '.join(others[:10])}.")
    about: dict[str, set[str]] = {"subject": set(), "created": set()}
    for line, cells in rows:
        if len(cells) > len(names):
            raise Broken(f"Line {line} has {len(cells)} cells; the header has {len(names)}.")
        row = dict(zip(names, (cell.strip() for cell in cells), strict=False))
        _row(row, line, report)
        for name, values in about.items():
            if row.get(name) and len(values) < 2:
                values.add(row[name])
    for name, values in about.items():
        if len(values) > 1:
            report.warn(f"The rows differ in {name}; none is taken.")
        elif values:
            setattr(report, name, values.pop())
    report.details = {"columns": names, "rows": len(report.scores)}
    return report.close("It has no row with a figure.")


def _rows(source: Source, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Yield each row that is not blank with its line, the header first."""
    source.file.seek(0)
    text = io.TextIOWrapper(source.file, encoding="utf-8-sig", newline="")
    csv.field_size_limit(LONGEST_FIELD)
    reader = csv.reader(text, delimiter=delimiter, strict=True)
    count = 0
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                count += 1
                yield reader.line_num, cells
            if count > MOST_ROWS:
                raise Broken(f"It has more than {MOST_ROWS:,} rows, the most that is read.")
    except csv.Error as error:
        raise Broken(f"Line {reader.line_num} cannot be read: {error}.") from None
    except UnicodeDecodeError:
        raise Broken(f"It is not UTF-8 text, after line {reader.line_num}.") from None
    finally:
        text.detach()


def _row(row: dict[str, str], line: int, report: Report) -> None:
    if not row.get("suite") or not row.get("metric"):
        raise Broken(f"Line {line} does not name its suite and its metric.")
    better = row.get("higher_is_better", "").lower()
    if better not in BOOLEANS:
        raise Broken(f"In line {line}, higher_is_better is {shown(better)}; write true or false.")
    count = row.get("n", "")
    if count and not (count.isascii() and count.isdigit() and 0 < len(count) < 10):
        raise Broken(f"In line {line}, n is {shown(count)}, which is no count of samples.")
    bounds = [_figure(row.get(name, ""), name, line) for name in ("low", "high", "level")]
    if (bounds[0] is None) != (bounds[1] is None):
        raise Broken(f"Line {line} has half an interval. Give low and high, or neither.")
    if bounds[2] is not None and not is_level(bounds[2].text):
        raise Broken(
            f"In line {line}, level is {shown(bounds[2].text)}; write a part of 1, as 0.95."
        )
    report.add(
        row["suite"],
        row["metric"],
        _figure(row.get("value", ""), "value", line),
        kind=row.get("filter") or None,
        stderr=_figure(row.get("stderr", ""), "stderr", line),
        n=int(count) if count else None,
        higher_is_better=BOOLEANS[better],
        interval=tuple(bounds) if bounds[0] is not None else (),
    )


def _figure(text: str, column: str, line: int) -> Any:
    if text.lower() in EMPTY:
        return None
    if NOT_FINITE.fullmatch(text):
        return Figure(text)
    if parse_score(text) is None:
        raise Broken(
            f"In line {line}, {column} is {shown(text)}, which is no number such as 0.873. "
            "Write it with a point, and without a unit."
        )
    return Figure(text)
