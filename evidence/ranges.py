"""Which bytes of a file a request asks for (RFC 9110, 14). Pure: values in, values out."""

import re

#: Asked for, and not there.
NONE_OF_IT = "none of it"

_RANGE = re.compile(r"bytes=\s*(\d{0,18})-(\d{0,18})\s*", re.ASCII)


def asked(header: str, if_range: str, *, size: int, etag: str) -> tuple[int, int] | str | None:
    """Return the first and last byte that `Range` asks for, or None for the whole file.

    `NONE_OF_IT` stands for a range beyond the end. Several ranges, other units and what cannot be
    read are answered with the whole file, as is a range of a file that `If-Range` does not name.
    """
    found = _RANGE.fullmatch(header)
    if not found or (if_range and if_range != etag):
        return None
    first, last = found.groups()
    if not first and not last:
        return None
    if not first:
        # The last bytes, as many as there are of them.
        return (max(0, size - int(last)), size - 1) if int(last) and size else NONE_OF_IT
    if last and int(last) < int(first):
        return None
    if int(first) >= size:
        return NONE_OF_IT
    return int(first), min(int(last), size - 1) if last else size - 1
