import pytest
from django.db import transaction

from tests import make
from tests.gates.stories import Story, approved


@pytest.fixture(scope="module")
def told(django_db_setup, django_db_blocker) -> Story:
    """An approved release in production with everything that hangs on one, told once a module.

    Tests begin and end inside the transaction that it is told in, each in a savepoint of its own.
    """
    with django_db_blocker.unblock(), transaction.atomic():
        block = transaction.get_connection().atomic_blocks[-1]
        # As Django marks its own: a change may take what comes next for the outermost one.
        block._from_testcase = True
        scope = make.make_tool_scope()
        make.make_policy_draft(retention_days=90)
        yield approved("production", grants=[(scope, "human_approval")])
        transaction.set_rollback(True)
