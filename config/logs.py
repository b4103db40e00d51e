"""One line of JSON per event, so that no text in it can pass for another event."""

import json
import logging
from contextvars import ContextVar
from datetime import UTC, datetime

#: The id of the request being answered, or None outside of one.
request_id: ContextVar[str | None] = ContextVar("request_id", default=None)


class JsonFormatter(logging.Formatter):
    """Write a record as one line of JSON; `extra={"event": {…}}` adds fields of its own.

    Only what is named is written: the request, its body and its headers, which Django attaches
    to its records, never are.
    """

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "request_id": request_id.get(),
        }
        line |= getattr(record, "event", {})
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        # ASCII only: line separators beyond CR and LF are escaped as well.
        return json.dumps(line, ensure_ascii=True, default=str)
