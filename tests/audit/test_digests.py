"""Promise 2: one row, one digest, whatever the database did to its columns meanwhile."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from audit import clock
from audit.changes import row_digest
from registry.models import Release, ScoreDemand, Team
from tests import make

pytestmark = pytest.mark.django_db

#: Line ends, accents, an astral character, a combining accent, and trailing space.
AWKWARD = "é \U0001f512\r\nsecond line e\u0301 "

#: The same on every database, and in every version from now on.
GOLDEN_TEXT = "sha256:3e6ae59a79b31f38cc3858598e7994ba9fd401e2976bebeb5abf2735f2359ef7"
GOLDEN = "sha256:2d417da17b7c1260560a7fe378ece0d9a2d4c87064debcaa3ccf14f7d79c4f60"


def test_text_is_digested_as_it_is_kept():
    team = make.make_team(name=AWKWARD.strip(), contact="")
    again = Team.objects.get(pk=team.pk)
    digests = {row_digest(one, ["name", "contact"]) for one in (team, again, again.history.get())}
    assert digests == {GOLDEN_TEXT}


def test_numbers_are_digested_by_value_not_by_spelling():
    suite = make.make_suite_version()
    use_case = make.make_use_case(
        demands=[{"metric": suite.metrics.get(), "threshold": Decimal("0.50")}]
    )
    again = ScoreDemand.objects.get(use_case=use_case)
    given = ScoreDemand(threshold=Decimal("0.5"))
    assert row_digest(again, ["threshold"]) == row_digest(given, ["threshold"])


def test_times_are_digested_to_the_microsecond():
    instant = datetime(2026, 2, 28, 23, 59, 59, 123456, UTC)
    with clock.at(instant):
        release = make.make_release()
    again = Release.objects.get(pk=release.pk)
    assert row_digest(again, ["sealed_at"]) == row_digest(Release(sealed_at=instant), ["sealed_at"])


def test_documents_are_digested_by_their_stored_bytes():
    parameters = {"z": 1, "a": {"text": AWKWARD, "list": [True, None, "1e30"]}, "10": 2, "9": 3}
    release = make.make_release(parameters=parameters)
    again = Release.objects.get(pk=release.pk)
    assert again.parameters == parameters
    assert row_digest(again, ["parameters"]) == GOLDEN
