"""Readers of the files that evaluation tools write, each a small module behind one interface.

`read` makes a `Result` of a file: which tool wrote it, how whole its run is, its scores, and
every reason why one could not be read. A reader is pure, knows a file by its content, and never
guesses: a file of no known tool has no scores, one that claims to be of a tool and is broken is
refused with its place. Files of unknown origin are read through `child.read_in_child`.
"""

from dataclasses import replace
from typing import BinaryIO

from evidence.readers import (
    garak,
    inspect_ai,
    lm_eval,
    model_card,
    openai_evals,
    promptfoo,
    table,
)
from evidence.readers.result import Broken, Outcome, Result
from evidence.readers.source import Reader, Source

#: In the order in which they are asked.
READERS: tuple[Reader, ...] = (
    inspect_ai,
    promptfoo,
    garak,
    openai_evals,
    lm_eval,
    model_card,
    table,
)
#: Long lists inside documents that are never held whole.
ROWS = inspect_ai.ROWS | promptfoo.ROWS

UNKNOWN = "No reader knows this file. It is evidence as it stands, and has no scores to take."


def read(file: BinaryIO, name: str) -> Result:
    """Return what a seekable file says; nothing about the file itself is raised."""
    tool = None
    try:
        source = Source(file, name, ROWS)
        for reader in READERS:
            if reader.claims(source):
                tool = reader.TOOL
                result = reader.read(source)
                return replace(result, file=name)
        if source.is_zip:
            # Raises for one that is a bomb or broken.
            source.archive  # noqa: B018
    except Broken as broken:
        return refused(name, tool, str(broken))
    except MemoryError:
        return refused(name, tool, "Reading it takes more memory than a reader may have.")
    except RecursionError:
        return refused(name, tool, "It is nested too deeply.")
    warnings = [str(source.broken)] if source.broken else []
    return Result(name, None, Outcome.NO_SCORES, UNKNOWN, warnings)


def refused(name: str, tool: str | None, sentence: str) -> Result:
    """Return the result for a file that claims to be of a tool and cannot be read."""
    return Result(name, tool, Outcome.REFUSED, sentence)
