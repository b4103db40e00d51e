"""Two declare, and two confirm, at the same moment, on either database."""

import pytest

from audit import Refused
from audit.models import LossConfirmation, LossDeclaration
from audit.verifying import verify
from tests.audit.losing import confirm, declare, sign_beyond, two
from tests.gates.test_races import at_once

pytestmark = pytest.mark.django_db(transaction=True)


def test_declared_and_confirmed_at_once_one_loss_is_the_outcome(settings, tmp_path):
    settings.CHECKPOINT_FILE = str(tmp_path / "checkpoints.ndjson")
    admin, owner = two()
    sign_beyond()
    outcomes = at_once(lambda: declare(admin), lambda: declare(owner))
    rows = [one for one in outcomes if isinstance(one, LossDeclaration)]
    assert rows and all(isinstance(one, Refused) for one in outcomes if one not in rows)
    # Each confirms what the other declared, or both the one that there is.
    acts = [
        lambda row=row, who=owner if row.declared_by_id == admin.pk else admin: confirm(row, who)
        for row in (rows * 2)[:2]
    ]
    outcomes = at_once(*acts)
    assert sum(isinstance(one, LossConfirmation) for one in outcomes) == 1
    assert sum(isinstance(one, Refused) for one in outcomes) == 1
    assert LossConfirmation.objects.count() == 1
    assert verify("record").found == []
