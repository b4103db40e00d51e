"""Sealed is sealed: what a seal is taken over, what refuses it, and that nothing gets past it."""

import json

import pytest
from django.db import IntegrityError, connection, transaction

import audit
from audit import Refused
from audit.changes import NotInChange
from audit.models import Entry
from audit.refusals import Conflict, NotAllowed
from audit.rules import canonical, digest
from audit.verifying import verify
from registry import transitions
from registry.models import (
    ModelVersion,
    Objective,
    PromptVersion,
    RegisteredModel,
    Release,
    ReleasePrompt,
    ToolGrant,
    VersionDataset,
)
from registry.roles import Role
from tests import make

pytestmark = pytest.mark.django_db


def seal(release, actor=None):
    return transitions.seal_release(release.pk, actor=actor or make.registrar(), reason="Ready.")


def codes(caught) -> list[str]:
    return [reason.code for reason in caught.value.reasons]


class TestWhatIsSealed:
    def test_a_release_says_all_that_it_is_made_of(self):
        scope = make.make_tool_scope("search", "read")
        release = make.make_release(grants=[(scope, "user_delegated")])
        version, prompt = release.model_version, release.prompt_links.get().prompt_version
        assert json.loads(release.content) == {
            "schema": "gatehouse.release/1",
            "use_case": release.use_case.slug,
            "number": 1,
            "model_version": {
                "model": version.model.slug,
                "version": version.version,
                "identifier": version.identifier,
                "digest": version.digest,
            },
            "prompts": [
                {
                    "template": prompt.template.slug,
                    "kind": "system",
                    "number": 1,
                    "digest": prompt.digest,
                }
            ],
            "tool_grants": [{"tool": "search", "scope": "read", "authorization": "user_delegated"}],
            "parameters": {"temperature": "0.2", "max_output_tokens": 1024},
            "objectives": [
                {"metric": "answered within 2 s", "objective": "≥ 99 %", "window": "30 days"}
            ],
            "on_call_team": release.on_call_team.slug,
            "runbook": release.runbook,
        }

    @pytest.mark.parametrize("maker", [make.make_release, make.make_prompt_version])
    def test_the_digest_is_taken_over_the_stored_bytes(self, maker):
        row = maker()
        row.refresh_from_db()
        assert row.digest == digest(row.content.encode())
        assert canonical(json.loads(row.content)).decode() == row.content

    def test_a_version_says_its_metadata_its_base_and_its_datasets(self):
        base = make.make_model_version(sealed=True)
        tickets = make.make_dataset_version(classification="confidential")
        version = make.make_model_version(
            base_version=base,
            fine_tuning="adapter",
            datasets=[(tickets, "fine_tuning")],
            sealed=True,
        )
        content = json.loads(version.content)
        assert {name: content[name] for name in make.METADATA} == make.METADATA
        assert content["maker"] == version.maker.slug
        assert content["base_version"]["digest"] == base.digest
        assert content["datasets"] == [
            {
                "role": "fine_tuning",
                "dataset": tickets.dataset.slug,
                "version": "1",
                "digest": tickets.digest,
                "classification": "confidential",
                "jurisdiction": "EU",
            }
        ]

    def test_two_releases_of_equal_parts_are_two_approvals(self):
        first = make.make_release()
        draft = transitions.new_release_from(first.pk, actor=make.registrar(), reason="Again.")
        assert seal(draft).digest != first.digest

    def test_a_draft_version_is_sealed_with_the_first_release_that_names_it(self):
        release = make.make_release(sealed=False)
        assert release.model_version.sealed_at is None
        release = seal(release)
        version = ModelVersion.objects.get(pk=release.model_version_id)
        assert version.sealed_at == release.sealed_at
        assert version.digest in release.content
        assert version.change_id == release.change_id
        events = Entry.objects.filter(change_id=release.change_id).values_list("event", flat=True)
        assert list(events) == ["modelversion.sealed", "release.sealed"]

    def test_a_version_of_another_team_is_sealed_by_a_release_that_may_name_it(self):
        version = make.make_model_version()
        make.save(RegisteredModel, {"shared": True}, pk=version.model_id)
        team = make.make_team()
        sam = make.make_person("", Role.REGISTRAR, team=team)
        release = make.make_release(team=team, version=version, sealed=False)
        assert seal(release, sam).model_version.sealed_at
        other = make.make_model_version(model=version.model)
        with pytest.raises(NotAllowed):
            transitions.seal_version(other.pk, actor=sam, reason="Not mine.")


class TestWhatRefusesIt:
    def test_all_that_is_missing_is_said_at_once(self):
        base = make.make_model_version()
        version = make.make_model_version(identifier="", maker=None, base_version=base)
        template = make.make_prompt()
        prompts = [make.make_prompt_version(template) for _ in range(2)]
        release = make.make_release(version=version, prompts=prompts, sealed=False)
        with pytest.raises(Refused) as caught:
            seal(release)
        assert codes(caught) == [
            "PROMPT_TWICE",
            "IDENTIFIER_MISSING",
            "MAKER_MISSING",
            "BASE_NOT_SEALED",
        ]
        release.refresh_from_db()
        assert release.sealed_at is None

    def test_a_second_seal_is_a_conflict(self):
        release = make.make_release()
        with pytest.raises(Conflict):
            seal(release)
        with pytest.raises(Conflict):
            transitions.seal_version(
                release.model_version_id, actor=make.registrar(), reason="Again."
            )

    def test_only_a_registrar_of_the_team_seals(self):
        release = make.make_release(sealed=False)
        for person in (
            make.admin(),
            make.make_person("", Role.REGISTRAR, team=make.make_team()),
            make.make_person("", Role.REVIEWER, team=release.use_case.team),
        ):
            with pytest.raises(NotAllowed):
                seal(release, person)


class TestTheWayOn:
    def test_a_new_release_begins_as_a_copy(self):
        scope = make.make_tool_scope()
        sealed = make.make_release(grants=[(scope, "human_approval")], notes="First.")
        draft = transitions.new_release_from(sealed.pk, actor=make.registrar(), reason="Next.")
        assert (draft.number, draft.derived_from, draft.sealed_at) == (2, sealed, None)
        assert draft.parameters == sealed.parameters
        for parts, names in (
            ("prompt_links", ["prompt_version"]),
            ("tool_grants", ["scope", "authorization"]),
            ("objectives", ["metric", "objective", "window"]),
        ):
            copied, source = (
                list(getattr(row, parts).values_list(*names)) for row in (draft, sealed)
            )
            assert copied == source != []

    def test_a_new_version_begins_as_a_copy(self):
        tickets = make.make_dataset_version()
        sealed = make.make_model_version(datasets=[(tickets, "training")], sealed=True)
        draft = transitions.new_version_from(
            sealed.pk, version="next", actor=make.registrar(), reason="A gap is filled."
        )
        assert draft.sealed_at is None
        for name in make.METADATA:
            assert getattr(draft, name) == getattr(sealed, name)
        assert draft.dataset_links.get().dataset_version == tickets
        with pytest.raises(Refused, match="version of this name already"):
            transitions.new_version_from(
                sealed.pk, version="next", actor=make.registrar(), reason="Twice."
            )


# Nothing gets past it. Each case: the table, one column to write, and how to find a sealed row.


def sealed_rows() -> dict:
    """Return one sealed row, or part of one, for each table."""
    scope, tickets = make.make_tool_scope(), make.make_dataset_version()
    version = make.make_model_version(datasets=[(tickets, "training")])
    release = make.make_release(version=version, grants=[(scope, "none")])
    return {
        ModelVersion: ModelVersion.objects.get(pk=version.pk),
        VersionDataset: VersionDataset.objects.get(version=version),
        PromptVersion: release.prompt_links.get().prompt_version,
        Release: release,
        ReleasePrompt: release.prompt_links.get(),
        ToolGrant: release.tool_grants.get(),
        Objective: release.objectives.get(),
    }


COLUMN = {
    ModelVersion: ("card", "forged"),
    VersionDataset: ("role", "evaluation"),
    PromptVersion: ("text", "forged"),
    Release: ("runbook", "forged"),
    ReleasePrompt: ("prompt_version_id", 0),
    ToolGrant: ("authorization", "service_account"),
    Objective: ("objective", "forged"),
}


def raw(statement: str, *values) -> None:
    """Run plain SQL, which knows nothing of our managers."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, values)


@pytest.mark.parametrize("model", COLUMN, ids=lambda model: model.__name__)
def test_a_sealed_row_is_not_written_by_the_orm(model):
    row = sealed_rows()[model]
    column, value = COLUMN[model]
    setattr(row, column, value)
    writes = [
        row.save,
        row.delete,
        lambda: row.save(update_fields=[column]),
        lambda: model.objects.filter(pk=row.pk).update(**{column: value}),
        lambda: model.objects.filter(pk=row.pk).delete(),
        lambda: model.objects.bulk_update([row], [column]),
        lambda: model.objects.bulk_create([row], update_conflicts=True),
        lambda: model.objects.update_or_create(pk=row.pk, defaults={column: value}),
        lambda: model._base_manager.filter(pk=row.pk).update(**{column: value}),
    ]
    for write in writes[:-1]:
        with pytest.raises(NotInChange):
            write()
    # Django's own base manager knows no better: there the database refuses.
    with pytest.raises((IntegrityError, NotInChange)), transaction.atomic():
        writes[-1]()


@pytest.mark.parametrize("model", [ModelVersion, PromptVersion, Release])
def test_a_sealed_row_is_not_written_by_its_form(client, model):
    row, (column, value) = sealed_rows()[model], COLUMN[model]
    client.force_login(make.registrar())
    address = f"/registry/{model._meta.model_name}/{row.pk}/"
    assert client.get(f"{address}change/").status_code == 200
    for verb in ("change", "delete", "history"):
        answer = client.post(f"{address}{verb}/", {column: value, "reason": "Forging."})
        assert answer.status_code == 403, verb
    row.refresh_from_db()
    assert getattr(row, column) != value


@pytest.mark.parametrize("model", COLUMN, ids=lambda model: model.__name__)
def test_a_sealed_row_is_not_written_inside_a_change_either(model):
    row, person = sealed_rows()[model], make.registrar()

    def forge(write):
        with transaction.atomic(), audit.change(actor=person, reason="Forging.") as change:
            write(change, change.lock(model, row.pk))

    def alter(change, locked):
        setattr(locked, *COLUMN[model])
        change.save(locked)

    with pytest.raises((IntegrityError, Refused)):
        forge(alter)
    with pytest.raises((IntegrityError, NotInChange)):
        forge(lambda change, locked: change.remove(locked))
    row.refresh_from_db()
    assert getattr(row, COLUMN[model][0]) != COLUMN[model][1]


@pytest.mark.parametrize("model", COLUMN, ids=lambda model: model.__name__)
def test_a_sealed_row_is_not_written_by_plain_sql(model):
    row = sealed_rows()[model]
    column, value = COLUMN[model]
    table, before = model._meta.db_table, Entry.objects.count()
    forgeries = [
        (f'UPDATE {table} SET "{column}" = %s WHERE id = %s', value, row.pk),
        (f"UPDATE {table} SET id = id + 1000 WHERE id = %s", row.pk),
        (f"DELETE FROM {table} WHERE id = %s", row.pk),
    ]
    if connection.vendor == "postgresql":
        forgeries.append((f"TRUNCATE {table} CASCADE",))
    else:
        forgeries.append((f"REPLACE INTO {table} SELECT * FROM {table} WHERE id = %s", row.pk))
        forgeries.append((f'UPDATE OR REPLACE {table} SET "{column}" = %s', value))
    for forgery in forgeries:
        with pytest.raises(IntegrityError, match=r"sealed|never"):
            raw(*forgery)
    if hasattr(row, "sealed_at"):
        with pytest.raises(IntegrityError, match="sealed"):
            raw(f"UPDATE {table} SET sealed_at = NULL, digest = '', content = ''")
    row.refresh_from_db()
    assert Entry.objects.count() == before
    assert verify("record").found == []


@pytest.mark.parametrize("model", [VersionDataset, ReleasePrompt, ToolGrant, Objective])
def test_nothing_is_added_to_a_sealed_row_nor_moved_into_it(model):
    rows = sealed_rows()
    part, parent = rows[model], rows[ModelVersion if model is VersionDataset else Release]
    link = model._meta.get_field(model.part_of).column
    columns = [
        f'"{field.column}"'
        for field in model._meta.concrete_fields
        if field.column not in ("id", link)
    ]
    table, listed = model._meta.db_table, ", ".join(columns)
    with pytest.raises(IntegrityError, match="sealed"):
        raw(f"INSERT INTO {table} ({link}, {listed}) SELECT {link}, {listed} FROM {table}")
    draft = (
        transitions.new_version_from(parent.pk, version="x", actor=make.registrar(), reason="On.")
        if model is VersionDataset
        else transitions.new_release_from(parent.pk, actor=make.registrar(), reason="On.")
    )
    mine = model.objects.get(**{model.part_of: draft})
    with pytest.raises(IntegrityError, match="sealed"):
        raw(f"UPDATE {table} SET {link} = %s WHERE id = %s", parent.pk, mine.pk)
    with pytest.raises(IntegrityError, match="sealed"):
        raw(f"UPDATE {table} SET {link} = %s WHERE id = %s", draft.pk, part.pk)


def test_history_rows_are_kept_as_they_were_written():
    release = make.make_release()
    table = Release.history.model._meta.db_table
    for statement in (f"UPDATE {table} SET runbook = 'forged'", f"DELETE FROM {table}"):
        with pytest.raises(IntegrityError, match="never changed"):
            raw(statement)
    assert release.history.count() == 2
