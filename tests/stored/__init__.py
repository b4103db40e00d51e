"""Backups of earlier schemas, one archive each, that every later version must restore.

`python -m tests.stored NAME` makes one of the present schema: `tests/stored/NAME.zip`. An archive
that was released is never made anew.
"""


def tell():
    """Tell of an approval with its evidence, and of a file that was given; return the story."""
    from tests import make
    from tests.evidence.make import make_evidence, upload
    from tests.gates.stories import story

    told = story("production", grants=[(make.make_tool_scope(), "none")])
    told.give_all()
    make_evidence(files=[upload("findings.txt"), upload("more.txt", b"two of ten failed")])
    told.ask()
    told.sign_all()
    return told
