"""Whatever breaks inside, nothing that reads like a yes comes out of the decision."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection

from audit.kept import kept
from registry.models import TokenUse
from tests.api.reading import Reader, reader
from tests.gates.stories import Story

pytestmark = pytest.mark.django_db

#: Everything that a yes goes through.
INSIDE = (
    "gates.decisions.approvals",
    "gates.decisions.emergencies.of",
    "gates.decisions.instant_text",
    "gates.decisions._approved_sentence",
    "gates.decisions._open",
    "gates.approvals.judged",
    "gates.approvals.of_packages",
    "gates.approvals.endings",
    "gates.approvals.endpoint_digests",
    "gates.approvals.forbidden",
    "gates.approvals._items",
    "gates.approvals._failing_runs",
    "gates.approvals._revoked",
)


@pytest.fixture
def caller(told) -> Reader:
    return reader("operator")


def ask(caller: Reader, told: Story):
    kept.clear()
    return caller.get("decision/", release=told.release.digest, environment=told.environment.slug)


def says_yes(answer) -> bool:
    return answer.status_code == 200 and answer.json().get("allowed") is not False


@pytest.mark.parametrize("inside", INSIDE)
@pytest.mark.parametrize("fault", [RuntimeError, KeyError, ValueError, OperationalError])
def test_a_fault_inside_is_a_problem_and_for_the_command_no_answer(
    told, caller, monkeypatch, inside, fault
):
    def fail(*args, **kwargs):
        raise fault("secret detail")

    assert says_yes(ask(caller, told))
    monkeypatch.setattr(inside, fail)
    answer = ask(caller, told)
    assert answer.status_code in (500, 503)
    assert "allowed" not in answer.json()
    assert "secret" not in answer.content.decode()
    with pytest.raises(CommandError) as refused:
        call_command(
            "decision",
            release=told.release.digest,
            environment=told.environment.slug,
            stdout=StringIO(),
        )
    assert refused.value.returncode == 2


def test_whichever_query_fails_the_answer_is_no_yes(told, caller):
    asked = 0

    def counting(execute, sql, params, many, context):
        nonlocal asked
        asked += 1
        return execute(sql, params, many, context)

    with connection.execute_wrapper(counting):
        assert says_yes(ask(caller, told))
    assert asked > 5
    for broken in range(1, asked + 1):
        statements = []

        def failing(execute, sql, params, many, context, broken=broken, seen=statements):
            seen.append(sql)
            if len(seen) == broken:
                raise OperationalError("the disk is gone")
            return execute(sql, params, many, context)

        with connection.execute_wrapper(failing):
            answer = ask(caller, told)
        assert answer.status_code in (200, 401, 403, 404, 500, 503)
        # When the use of the token cannot be noted, the answer stands as it is.
        broke = statements[broken - 1] if len(statements) >= broken else ""
        if broke.startswith("SELECT") and TokenUse._meta.db_table not in broke:
            assert not says_yes(answer), broke
