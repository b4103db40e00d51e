"""Promise 1 where no Python rule runs: plain SQL against the triggers, on the database at hand."""

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction

from audit import triggers
from audit.models import GovernedModel
from audit.verifying import governed_models
from registry.models import ReleasePrompt, ToolGrant
from tests import make

pytestmark = pytest.mark.django_db


def sql(statement: str, *values) -> int:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.rowcount


def refused(statement: str, *values) -> None:
    with pytest.raises(IntegrityError):
        sql(statement, *values)


def table(model) -> str:
    return model._meta.db_table


def test_every_trigger_is_installed_after_migrate():
    assert triggers.differing() == []
    assert triggers.check_triggers(databases=["default"]) == []


def test_a_missing_trigger_is_a_warning_and_the_next_install_puts_it_back():
    where = min(triggers._statements())
    with connection.cursor() as cursor:
        triggers._drop(cursor, *where)
    assert triggers.differing() == [where]
    (warning,) = triggers.check_triggers(databases=["default"])
    assert warning.id == "audit.W001" and where[1] in warning.msg
    triggers.install()
    assert triggers.differing() == []


def test_a_trigger_that_was_emptied_is_noticed():
    trigger = next(one for one in triggers.wanted() if one.table == "audit_entry")
    with connection.cursor() as cursor:
        triggers._drop(cursor, trigger.table, trigger.name)
        if connection.vendor == "sqlite":
            cursor.execute(
                f'CREATE TRIGGER "{trigger.name}" BEFORE {trigger.verb} ON "{trigger.table}" '
                "WHEN 0 BEGIN SELECT 1; END"
            )
        else:
            cursor.execute(
                f'CREATE TRIGGER "{trigger.name}" BEFORE {trigger.verb} ON "{trigger.table}" '
                f'FOR EACH ROW WHEN (false) EXECUTE FUNCTION "{trigger.name}"()'
            )
    assert (trigger.table, trigger.name) in triggers.differing()


@pytest.mark.parametrize("name", ["audit_entry", "audit_change"])
def test_the_log_is_append_only(name):
    make.make_team()
    refused(
        f"UPDATE {name} SET change_id = change_id"
        if name == "audit_entry"
        else f"UPDATE {name} SET reason = 'other'"
    )
    refused(f"DELETE FROM {name}")


def test_history_rows_are_never_changed():
    team = make.make_team()
    history = table(team.history.model)
    refused(f"UPDATE {history} SET name = 'other'")
    refused(f"DELETE FROM {history}")
    with pytest.raises(IntegrityError), transaction.atomic():
        team.history.update(name="other")
    with pytest.raises(IntegrityError), transaction.atomic():
        team.history.all().delete()
    with pytest.raises(IntegrityError), transaction.atomic():
        call_command("clean_old_history", "--auto", "--days=-1", verbosity=0)


@pytest.mark.parametrize("model", governed_models(), ids=lambda model: model.__name__)
def test_every_governed_table_says_who_may_not_touch_it(model):
    """Each table has the triggers that its model declares, so none can be forgotten."""
    verbs = {(one.verb, one.suffix) for one in triggers.wanted() if one.table == table(model)}
    if not model.part_of:
        assert ("DELETE", "") in verbs
    if model.append_only or model.born_with:
        assert ("UPDATE", "") in verbs
    if model.sealed_by:
        assert ("UPDATE", "_sealed") in verbs
    if not (model.append_only or model.born_with):
        assert hasattr(model, "history"), "a row that changes keeps its history"
    assert issubclass(model, GovernedModel)


def test_a_sealed_release_and_its_parts_do_not_move():
    scope = make.make_tool_scope()
    sealed = make.make_release(grants=[(scope, "none")])
    draft = make.make_release(
        sealed=False,
        use_case=sealed.use_case,
        version=sealed.model_version,
        grants=[(scope, "none")],
    )
    refused("UPDATE registry_release SET runbook = '' WHERE id = %s", sealed.pk)
    refused("UPDATE registry_release SET sealed_at = NULL WHERE id = %s", sealed.pk)
    refused("DELETE FROM registry_release WHERE id = %s", draft.pk)
    for model in (ReleasePrompt, ToolGrant):
        into_sealed = f"UPDATE {table(model)} SET release_id = %s WHERE release_id = %s"
        refused(into_sealed, sealed.pk, draft.pk)
        refused(into_sealed, draft.pk, sealed.pk)
        refused(f"DELETE FROM {table(model)} WHERE release_id = %s", sealed.pk)
    columns = 'release_id, scope_id, "authorization", change_id'
    refused(
        f"INSERT INTO registry_toolgrant ({columns}) SELECT %s, id, 'none', change_id "
        "FROM registry_toolscope",
        sealed.pk,
    )


def test_a_metric_comes_with_its_suite_version_or_not_at_all():
    suite = make.make_suite_version()
    refused(
        "INSERT INTO registry_metric (suite_version_id, name, unit, higher_is_better, change_id) "
        "SELECT %s, 'late', '', true, id FROM audit_change WHERE number = 1",
        suite.pk,
    )
    refused("UPDATE registry_metric SET unit = '%%'")


def test_an_upsert_does_not_slip_past():
    suite = make.make_suite_version()
    columns = "id, suite_id, number, notes, change_id"
    select = f"SELECT {columns} FROM registry_suiteversion WHERE id = {suite.pk}"
    if connection.vendor == "sqlite":
        refused(f"INSERT OR REPLACE INTO registry_suiteversion ({columns}) {select}")
        refused(f"UPDATE OR REPLACE registry_suiteversion SET notes = 'x' WHERE id = {suite.pk}")
    refused(
        f"INSERT INTO registry_suiteversion ({columns}) {select} "
        + ("WHERE true " if connection.vendor == "sqlite" else "").replace("WHERE", "AND")
        + "ON CONFLICT (id) DO UPDATE SET notes = 'other'"
    )


@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has no TRUNCATE.")
@pytest.mark.parametrize(
    "statement",
    ["audit_entry", "audit_change CASCADE", "registry_team CASCADE", "registry_historicalteam"],
)
def test_truncate_is_refused_even_by_cascade(statement):
    make.make_team()
    # A key check that still waits for COMMIT would stop TRUNCATE before the trigger does.
    sql("SET CONSTRAINTS ALL IMMEDIATE")
    refused(f"TRUNCATE {statement}")
