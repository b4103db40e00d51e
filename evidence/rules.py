"""What must be true of evidence, as judgements. Pure: values in, reasons out; time is given."""

import calendar
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any

from audit.refusals import Reason
from evidence.kinds import Kind, Question

# Life


class State(StrEnum):
    """Whether an item speaks at a moment."""

    STANDS = "stands"
    ENDED = "ended"
    WITHDRAWN = "withdrawn"


def state(*, expires_at: datetime, withdrawn_at: datetime | None, at: datetime) -> State:
    """Return how an item stands at `at`; it ends at its last instant, not after it."""
    if withdrawn_at is not None and withdrawn_at <= at:
        return State.WITHDRAWN
    return State.STANDS if at < expires_at else State.ENDED


#: Days before its end from which an item says so, more loudly at each.
NOTICE_DAYS = (30, 7, 1)


def expiry(expires_at: datetime, at: datetime) -> tuple[str, str] | None:
    """Return state and words of an item's end: "Expires in 5 days", "Expired"; None if far off.

    Days are those of the calendar, in UTC, as everywhere that a day is shown.
    The state is "expired", or the step of `NOTICE_DAYS` that was come to, as in "expires_7".
    """
    if expires_at <= at:
        return "expired", "Expired"
    days = (expires_at.astimezone(UTC).date() - at.astimezone(UTC).date()).days
    if days > NOTICE_DAYS[0]:
        return None
    step = min(step for step in NOTICE_DAYS if days <= step)
    when = f"in {days} day{'s' if days > 1 else ''}" if days else "today"
    return f"expires_{step}", f"Expires {when}"


def add_months(moment: datetime, months: int) -> datetime:
    """Return the same day and time `months` later, or the last day of a month too short for it."""
    years, month = divmod(moment.month - 1 + months, 12)
    year, month = moment.year + years, month + 1
    last = calendar.monthrange(year, month)[1]
    return moment.replace(year=year, month=month, day=min(moment.day, last))


def life_problems(kind: Kind, *, created: datetime, expires: datetime) -> list[Reason]:
    """Judge when an item ends: in the future, and within the life of its kind."""
    if expires <= created:
        sentence = "Evidence ends in the future. Give a later end, or leave it empty."
        return [Reason("ENDED_ALREADY", sentence, "expires_at")]
    longest = add_months(created, kind.life_months)
    if expires > longest:
        return [
            Reason(
                "LIVES_TOO_LONG",
                f"{kind.name} evidence holds {kind.life_months} months at most, until "
                f"{longest.day} {longest:%b %Y}. Give an earlier end.",
                "expires_at",
            )
        ]
    return []


# Answers

LONGEST_ANSWER = 20_000


def is_storable(text: str) -> bool:
    """Whether both databases can keep the text: no NUL, no half of a surrogate pair."""
    return "\x00" not in text and not any("\ud800" <= char <= "\udfff" for char in text)


def is_asked(question: Question, answers: Mapping[str, Any]) -> bool:
    """Whether the answers given so far let the question be asked at all."""
    if question.only_if is None:
        return True
    key, value = question.only_if
    return answers.get(key) == value


def judge_answers(
    kind: Kind,
    answers: Mapping[str, Any],
    *,
    has_files: bool,
    releases: Mapping[str, str],
) -> tuple[dict[str, Any], list[Reason]]:
    """Return the answers as they are kept, and every reason why they cannot be.

    A file may say what the questions ask, so required questions may stay open beside one, but for
    those asked `always`. `releases` maps what may be named as a release to its digest, which is
    what is kept. Blank answers are left out.
    """
    known = {question.key: question for question in kind.questions}
    reasons = [
        Reason(
            "QUESTION_UNKNOWN",
            f"{kind.name} has no question “{key}”. Leave it out.",
            f"answers.{key}",
        )
        for key in answers
        if key not in known
    ]
    kept: dict[str, Any] = {}
    for question in kind.questions:
        value = _stripped(answers.get(question.key))
        field = f"answers.{question.key}"
        if not is_asked(question, answers):
            if value is not None:
                reasons.append(Reason("NOT_ASKED", _not_asked(question, known), field))
        elif value is None:
            if question.required and (question.always or not has_files):
                sentence = f"Answer “{question.label}”"
                sentence += "." if question.always else ", or attach a file that does."
                reasons.append(Reason("ANSWER_MISSING", sentence, field))
        else:
            value, problem = _ANSWERS[question.type](question, value, releases)
            if problem:
                reasons.append(Reason("ANSWER_NOT_VALID", problem, field))
            kept[question.key] = value
    return kept, reasons


def _stripped(value: Any) -> Any:
    value = value.strip() if isinstance(value, str) else value
    return None if value == "" else value


def _not_asked(question: Question, known: Mapping[str, Question]) -> str:
    key, value = question.only_if or ("", "")
    chosen = dict(known[key].choices).get(value, value)
    return f"“{question.label}” is asked only with “{chosen}”. Leave it empty."


def _text(question: Question, value: Any, releases) -> tuple[Any, str]:
    if not isinstance(value, str):
        return value, f"Answer “{question.label}” with a text."
    if not is_storable(value):
        return value, f"The answer to “{question.label}” has characters that cannot be kept."
    if len(value) > LONGEST_ANSWER:
        return value, (
            f"The answer to “{question.label}” has {len(value)} characters; "
            f"{LONGEST_ANSWER} are allowed. Attach the rest as a file."
        )
    return value, ""


def _choice(question: Question, value: Any, releases) -> tuple[Any, str]:
    if isinstance(value, str) and value in dict(question.choices):
        return value, ""
    listed = ", ".join(f"“{name}”" for name, _ in question.choices)
    return value, f"Answer “{question.label}” with one of {listed}."


def _flag(question: Question, value: Any, releases) -> tuple[Any, str]:
    return value, "" if isinstance(value, bool) else f"Answer “{question.label}” with yes or no."


def _date(question: Question, value: Any, releases) -> tuple[Any, str]:
    try:
        return date.fromisoformat(str(value)).isoformat(), ""
    except ValueError:
        return value, f"Answer “{question.label}” with a day, such as 2026-11-21."


def _release(question: Question, value: Any, releases) -> tuple[Any, str]:
    digest = releases.get(str(value))
    if digest:
        return digest, ""
    return value, f"Answer “{question.label}” with another sealed release of the same use case."


_ANSWERS = {"text": _text, "choice": _choice, "flag": _flag, "date": _date, "release": _release}


# Files

LONGEST_NAME = 150
#: Bytes of a file that the judgement of its type looks at.
HEAD = 4096


@dataclass(frozen=True)
class FileType:
    """What a file of one extension must begin with, and as what it is handed out."""

    content_type: str = "application/octet-stream"
    signatures: tuple[bytes, ...] = ()
    #: For texts: what the first character may be; empty for any.
    opens_with: str = ""

    @property
    def is_text(self) -> bool:
        return not self.signatures


_ZIP = FileType(signatures=(b"PK\x03\x04",))
_JPEG = FileType("image/jpeg", (b"\xff\xd8\xff",))
_JSON = FileType("application/json", opens_with="{[")
_PLAIN = FileType("text/plain; charset=utf-8")
#: The types that are taken. Nothing that a browser would run is among them.
FILE_TYPES: dict[str, FileType] = {
    "csv": FileType("text/csv; charset=utf-8"),
    "docx": _ZIP,
    "eval": _ZIP,
    "gz": FileType(signatures=(b"\x1f\x8b\x08",)),
    "jpeg": _JPEG,
    "jpg": _JPEG,
    "json": _JSON,
    "jsonl": FileType(opens_with="{["),
    "md": _PLAIN,
    "pdf": FileType("application/pdf", (b"%PDF-",)),
    "png": FileType("image/png", (b"\x89PNG\r\n\x1a\n",)),
    "txt": _PLAIN,
    "xlsx": _ZIP,
    "yaml": _PLAIN,
    "yml": _PLAIN,
    "zip": _ZIP,
}
_MARKUP = re.compile(
    rb"<(?:!doctype|html|head|body|script|svg|iframe|\?xml|\?php)\b", re.IGNORECASE
)
_NOT_TEXT = re.compile(rb"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]")
_BOM = b"\xef\xbb\xbf"


def clean_name(name: str) -> str:
    """Return a file's declared name as it is shown: data, never a path.

    Folders are left out, as are characters that are not seen or turn the writing round; what
    remains is NFC, at most 150 characters with its extension, and "file" if nothing remains.
    """
    name = name.replace("\\", "/").rpartition("/")[2]
    seen = "".join(
        " " if unicodedata.category(char) in ("Zl", "Zp", "Zs") else char
        for char in name
        # Control, format (bidi among them), half a surrogate pair, private use.
        if unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Co")
    )
    name = unicodedata.normalize("NFC", " ".join(seen.split())).strip(". ") or "file"
    stem, dot, extension = name.rpartition(".")
    if len(name) <= LONGEST_NAME:
        return name
    if not stem or len(extension) > 10:
        return name[:LONGEST_NAME].rstrip(". ")
    return f"{stem[: LONGEST_NAME - len(extension) - 1].rstrip()}{dot}{extension}"


def file_type(name: str) -> FileType | None:
    """Return the type that a cleaned name's extension stands for, if files of it are taken."""
    _, dot, extension = name.rpartition(".")
    return FILE_TYPES.get(extension.lower()) if dot else None


def type_problem(name: str, head: bytes) -> str:
    """Return why a file is not taken, by its cleaned name and its first bytes, or nothing."""
    kind = file_type(name)
    if kind is None:
        taken = ", ".join(FILE_TYPES)
        return f"“{name}” is of a type that is not taken. Give one of: {taken}."
    extension = name.rpartition(".")[2].lower()
    if kind.is_text:
        text = head.removeprefix(_BOM).lstrip()
        fits = (
            not _NOT_TEXT.search(head)
            and not _MARKUP.match(text)
            and (not kind.opens_with or text[:1] in [char.encode() for char in kind.opens_with])
        )
    else:
        fits = head.startswith(kind.signatures)
    if fits:
        return ""
    return f"“{name}” does not begin like a {extension} file. Give it under its real type."


def file_problems(name: str, head: bytes, *, size: int | None, limit: int) -> list[Reason]:
    """Judge a file by its cleaned name, its first bytes and its size in bytes, if known."""
    reasons = []
    if not head:
        sentence = f"“{name}” is empty. Choose a file with something in it."
        return [Reason("FILE_EMPTY", sentence, "files")]
    if size is not None and size > limit:
        reasons.append(too_large(name, limit))
    if problem := type_problem(name, head):
        reasons.append(Reason("FILE_TYPE", problem, "files"))
    return reasons


def files_problems(sizes: list[int], *, most: int, limit: int) -> list[Reason]:
    """Judge the files of one item together by their sizes in bytes."""
    reasons = []
    if len(sizes) > most:
        sentence = f"{len(sizes)} files are too many; an item takes {most}. Give a zip of them."
        reasons.append(Reason("FILES_TOO_MANY", sentence, "files"))
    if sum(sizes) > limit:
        reasons.append(
            Reason(
                "FILES_TOO_LARGE",
                f"The files have {_mebibytes(sum(sizes))} MiB together; an item takes "
                f"{_mebibytes(limit)} MiB. Give them as several items.",
                "files",
            )
        )
    return reasons


def subject_full(*, held: int, added: int, limit: int) -> list[Reason]:
    """Judge the bytes of all evidence that one promotion may rest on."""
    if held + added <= limit:
        return []
    return [
        Reason(
            "FILES_OF_SUBJECT",
            f"The files of all evidence about this have {_mebibytes(held)} MiB already; "
            f"{_mebibytes(limit)} MiB are the most that one promotion may rest on. "
            "Give a summary with the digests of the rest.",
            "files",
        )
    ]


def _mebibytes(size: int) -> str:
    return f"{size / 1024**2:.1f}".removesuffix(".0")


def too_large(name: str, limit: int) -> Reason:
    """Return the refusal of a file over `limit` bytes."""
    return Reason(
        "FILE_TOO_LARGE",
        f"“{name}” is larger than {_mebibytes(limit)} MiB, the most a file may have. "
        "Give it in parts, or a summary with its digest.",
        "files",
    )


# Runs and scores

#: A plain number: no blanks, no separators, no NaN or infinity.
_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII)
#: What the column beside the text holds: 15 digits, 6 of them after the point.
_PLACES = Decimal("0.000001")
_BOUND = Decimal(10) ** 9
LONGEST_NUMBER = 64
MOST_SAMPLES = 2**31 - 1
#: Clocks of the machines that run suites may be ahead of ours by this much.
SKEW = timedelta(minutes=5)


def parse_score(text: str) -> Decimal | None:
    """Return the number that a score's text spells, rounded to six places, or None for none.

    The text stays what rules judge; the number beside it is for order and charts.
    """
    if len(text) > LONGEST_NUMBER or not _NUMBER.fullmatch(text):
        return None
    value = Decimal(text)
    if abs(value) >= _BOUND:
        return None
    value = value.quantize(_PLACES)
    return value if abs(value) < _BOUND else None


def score_problems(
    name: str, *, text: str, stderr: str, samples: int | None, field: str
) -> list[Reason]:
    """Judge one score; `name` is its metric, `field` begins the names of the fields at fault."""
    reasons = []
    if parse_score(text) is None:
        reasons.append(
            Reason(
                "SCORE_NOT_A_NUMBER",
                f"The score of {name} is “{text[:LONGEST_NUMBER]}”, which is no number below "
                "1,000,000,000. Give one such as 0.873.",
                f"{field}.text",
            )
        )
    if stderr and ((error := parse_score(stderr)) is None or error < 0):
        reasons.append(
            Reason(
                "STDERR_NOT_A_NUMBER",
                f"The standard error of {name} is “{stderr[:LONGEST_NUMBER]}”. "
                "Give a number from 0 on, or leave it empty.",
                f"{field}.stderr",
            )
        )
    if samples is not None and not 1 <= samples <= MOST_SAMPLES:
        reasons.append(
            Reason(
                "SAMPLES_NOT_A_COUNT",
                f"The samples of {name} are a count from 1 on. Correct it or leave it empty.",
                f"{field}.samples",
            )
        )
    return reasons


def run_problems(
    *, ran_at: datetime, source: str, keys: list[tuple], now: datetime, field: str = ""
) -> list[Reason]:
    """Judge a run; `keys` are the (metric, filter, subset) of its scores."""
    reasons = []
    if ran_at.tzinfo is None:
        sentence = "Say when it ran with a time zone."
        reasons.append(Reason("RUN_WITHOUT_ZONE", sentence, f"{field}ran_at"))
    elif ran_at > now + SKEW:
        today = f"{now.astimezone(UTC):%d %b %Y %H:%M} UTC"
        sentence = f"A run cannot have run in the future: it is {today} now."
        reasons.append(Reason("RUN_IN_FUTURE", sentence, f"{field}ran_at"))
    if not source.strip():
        sentence = "Say where the scores come from: tool and version, or who measured."
        reasons.append(Reason("SOURCE_MISSING", sentence, f"{field}source"))
    if not keys:
        sentence = "Give one score at least; a run without any says nothing."
        reasons.append(Reason("SCORES_MISSING", sentence, f"{field}scores"))
    if len(set(keys)) != len(keys):
        sentence = "A score is given twice for one metric, filter and subset. Keep one."
        reasons.append(Reason("SCORE_TWICE", sentence, f"{field}scores"))
    return reasons
