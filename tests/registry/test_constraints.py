"""Each constraint of the registry broken once, by plain SQL that no Python rule sees."""

from datetime import timedelta
from types import SimpleNamespace
from uuid import uuid4

import pytest
from django.apps import apps
from django.db import IntegrityError, connection, models, transaction

from audit import clock, triggers
from audit.models import GovernedModel
from registry import transitions
from registry.models import (
    ApiToken,
    DatasetVersion,
    EndpointRegion,
    EnvironmentRegion,
    FreshSignIn,
    Metric,
    ModelUse,
    ModelVersion,
    Objective,
    Person,
    PolicyPack,
    PolicyUseCase,
    PolicyVersion,
    PromptVersion,
    Release,
    ReleasePrompt,
    Retirement,
    RoleGrant,
    RouterReport,
    ScoreDemand,
    SearchWord,
    ServingEndpoint,
    SuiteVersion,
    ToolGrant,
    ToolScope,
    VersionDataset,
)
from registry.roles import Role
from tests import make

pytestmark = pytest.mark.django_db


@pytest.fixture
def rows(db):
    """One row of every noun, each part under a parent that is not sealed."""
    team = make.make_team()
    sam = make.make_person("sam", Role.VIEWER, Role.AUDITOR)
    make.grant(sam, Role.REGISTRAR, team=team)
    suite_version = make.make_suite_version()
    demands = [{"metric": suite_version.metrics.get(), "threshold": "0.9"}]
    case = make.make_use_case(team=team, demands=demands)
    model = make.make_model(team=team, uses=[{"use_case": case, "stance": "intended"}])
    base = make.make_model_version(model=model, sealed=True)
    version = make.make_model_version(
        model=model,
        base_version=base,
        datasets=[(make.make_dataset_version(team=team), "training")],
    )
    draft = make.make_release(
        use_case=case, version=version, grants=[(make.make_tool_scope(), "none")], sealed=False
    )
    token, _ = make.make_token_row(sam)
    environment = make.make_environment()
    router = make.make_router(environment)
    now = clock.now()
    linked = transitions.amend_person(
        make.make_person("linked").pk, subject="linked", actor=make.admin(), reason=make.WHY
    )
    fresh = FreshSignIn.objects.create(
        person=linked,
        session="0" * 64,
        purpose="/",
        issuer=linked.issuer,
        subject=linked.subject,
        authenticated_at=now,
        made_at=now,
    )
    report = RouterReport.objects.create(
        router=router, generation=1, first_seen_at=now, last_seen_at=now
    )
    pack = make.make_pack(layer="domain")
    retired = transitions.retire(
        ModelVersion,
        make.make_model_version(team=team).pk,
        successor=base.pk,
        actor=make.registrar(),
        reason=make.WHY,
    )
    return SimpleNamespace(
        retired=retired,
        linked=linked,
        fresh=fresh,
        tool=draft.tool_grants.get().scope.tool,
        sam=sam,
        policy=make.make_policy_draft(pack, use_cases=[case]),
        published=make.make_policy(),
        team=team,
        environment=environment,
        router=router,
        report=report,
        token=token,
        for_all=sam.role_grants.get(role=Role.VIEWER),
        in_team=sam.role_grants.get(role=Role.REGISTRAR),
        first=make.admin().role_grants.get(),
        version=version,
        draft=draft,
        sealed=make.make_release(use_case=case, version=base),
        endpoint=make.make_endpoint(version=version),
        environment_region=environment.region_links.get(),
        metric=suite_version.metrics.get(),
        suite_version=suite_version,
        demand=case.score_demands.get(),
        use=model.uses.get(),
        dataset=version.dataset_links.get(),
    )


def sql(statement: str, *values) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, values)


def again(row: models.Model, **differing) -> None:
    """Insert a second row with all that `row` holds, but for its key and what differs."""
    row = type(row)._base_manager.get(pk=row.pk)
    values = {
        field.column: field.get_db_prep_save(getattr(row, field.attname), connection)
        for field in row._meta.concrete_fields
        if not field.primary_key
    } | differing
    names, marks = ", ".join(f'"{name}"' for name in values), ", ".join("%s" for _ in values)
    sql(f"INSERT INTO {row._meta.db_table} ({names}) VALUES ({marks})", *values.values())


def put(row: models.Model, **columns) -> None:
    """Update columns of `row`, past every manager."""
    fields = {field.column: field for field in row._meta.concrete_fields}
    values = [fields[name].get_db_prep_save(value, connection) for name, value in columns.items()]
    assigned = ", ".join(f'"{name}" = %s' for name in columns)
    sql(f"UPDATE {row._meta.db_table} SET {assigned} WHERE id = %s", *values, row.pk)


#: Constraint -> (its model, what breaks it).
BREAKS = {
    "person_username_any_case": (Person, lambda r: again(r.sam, username="SAM")),
    "person_subject_once": (Person, lambda r: again(r.linked, username="sam-again")),
    "person_subject_of_a_person": (Person, lambda r: put(r.sam, subject="sam")),
    "freshsignin_is_for_one_thing": (
        FreshSignIn,
        lambda r: again(r.fresh, id=uuid4().hex, purpose=""),
    ),
    "freshsignin_used_afterwards": (
        FreshSignIn,
        lambda r: again(r.fresh, id=uuid4().hex, used_at=r.fresh.made_at - timedelta(days=1)),
    ),
    "rolegrant_once_per_team": (RoleGrant, lambda r: again(r.in_team)),
    "rolegrant_once_for_all": (RoleGrant, lambda r: again(r.for_all)),
    "rolegrant_not_to_oneself": (RoleGrant, lambda r: put(r.for_all, granted_by_id=r.sam.pk)),
    "rolegrant_one_bootstrap": (RoleGrant, lambda r: again(r.first, person_id=r.sam.pk)),
    "rolegrant_has_a_grantor": (RoleGrant, lambda r: put(r.for_all, granted_by_id=None)),
    "rolegrant_end_is_dated": (RoleGrant, lambda r: put(r.for_all, ended_by_id=r.sam.pk)),
    "apitoken_scope_is_bound": (ApiToken, lambda r: put(r.token, team_id=r.team.pk)),
    "apitoken_expires": (ApiToken, lambda r: put(r.token, expiry=r.token.created)),
    "apitoken_router_routes": (ApiToken, lambda r: put(r.token, router_id=r.router.pk)),
    "routerreport_once": (RouterReport, lambda r: again(r.report)),
    "routerreport_of_one": (RouterReport, lambda r: put(r.report, generation=0)),
    "routerreport_in_order": (
        RouterReport,
        lambda r: put(r.report, last_seen_at=r.report.first_seen_at - timedelta(seconds=1)),
    ),
    "environmentregion_once": (EnvironmentRegion, lambda r: again(r.environment_region)),
    "promptversion_once": (
        PromptVersion,
        lambda r: again(r.draft.prompt_links.get().prompt_version),
    ),
    "datasetversion_once": (DatasetVersion, lambda r: again(r.dataset.dataset_version)),
    "modeluse_one_stance": (ModelUse, lambda r: again(r.use, stance="disallowed")),
    "modelversion_once": (ModelVersion, lambda r: again(r.version)),
    "modelversion_seal_is_whole": (ModelVersion, lambda r: put(r.version, digest="sha256:0")),
    "modelversion_not_its_own_base": (
        ModelVersion,
        lambda r: put(r.version, base_version_id=r.version.pk),
    ),
    "modelversion_method_has_a_base": (
        ModelVersion,
        lambda r: put(r.version, fine_tuning="adapter", base_version_id=None),
    ),
    "modelversion_retirement_is_one": (
        ModelVersion,
        lambda r: put(r.version, retires_on="2027-01-01"),
    ),
    "versiondataset_once": (VersionDataset, lambda r: again(r.dataset)),
    "servingendpoint_exposure_is_said": (
        ServingEndpoint,
        lambda r: put(r.endpoint, exposure="exposed"),
    ),
    "endpointregion_once": (EndpointRegion, lambda r: again(r.endpoint.region_links.first())),
    "suiteversion_once": (SuiteVersion, lambda r: again(r.suite_version)),
    "metric_once": (Metric, lambda r: again(r.metric)),
    "scoredemand_once": (ScoreDemand, lambda r: again(r.demand, threshold="0.5")),
    "release_once": (Release, lambda r: again(r.draft)),
    "release_seal_is_whole": (Release, lambda r: put(r.draft, content="{}")),
    "release_digest_once": (Release, lambda r: again(r.sealed, number=99)),
    "releaseprompt_once": (ReleasePrompt, lambda r: again(r.draft.prompt_links.get())),
    "toolgrant_once": (
        ToolGrant,
        lambda r: again(r.draft.tool_grants.get(), authorization="human_approval"),
    ),
    "objective_once": (Objective, lambda r: again(r.draft.objectives.get(), objective="none")),
    "policypack_jurisdiction_is_named": (
        PolicyPack,
        lambda r: put(r.policy.pack, jurisdiction="EU"),
    ),
    "policyversion_once": (PolicyVersion, lambda r: again(r.published)),
    "policyversion_one_draft": (PolicyVersion, lambda r: again(r.policy, number=99)),
    "policyversion_publication_is_whole": (
        PolicyVersion,
        lambda r: put(r.policy, digest="sha256:0"),
    ),
    "policyversion_four_eyes": (
        PolicyVersion,
        lambda r: again(r.published, number=99, published_by_id=r.published.drafted_by_id),
    ),
    "policyusecase_once": (PolicyUseCase, lambda r: again(r.policy.use_case_links.get())),
    "retirement_state_is_known": (Retirement, lambda r: again(r.retired, state="lost")),
    "retirement_of_one_thing": (
        Retirement,
        lambda r: again(r.retired, use_case_id=r.demand.use_case_id),
    ),
    "retirement_successor_of_its_kind": (
        Retirement,
        lambda r: again(r.retired, successor_version_id=r.retired.version_id),
    ),
    "retirement_in_use_has_no_successor": (
        Retirement,
        lambda r: again(r.retired, state="in_use"),
    ),
    "searchword_once": (SearchWord, lambda r: again(SearchWord.objects.first())),
    "toolscope_once": (ToolScope, lambda r: again(r.draft.tool_grants.get().scope)),
}


def test_the_database_holds_each_where_no_rule_runs(rows):
    # One test for all: what they are broken on takes longer to make than to break.
    passed = []
    for name, (model, break_it) in BREAKS.items():
        (constraint,) = [each for each in model._meta.constraints if each.name == name]
        if not names(error_of(break_it, rows), model, constraint):
            passed.append(name)
    assert passed == []


def error_of(call, *values) -> IntegrityError | None:
    try:
        call(*values)
    except IntegrityError as error:
        return error
    return None


def names(error: IntegrityError | None, model, constraint) -> bool:
    """Whether the error is about this constraint; SQLite names a UNIQUE by its columns alone."""
    if error is None:
        return False
    if connection.vendor == "postgresql":
        return error.__cause__.diag.constraint_name == constraint.name
    columns = ", ".join(
        f"{model._meta.db_table}.{model._meta.get_field(field).column}"
        for field in getattr(constraint, "fields", ())
    )
    return str(error) in (
        f"CHECK constraint failed: {constraint.name}",
        f"UNIQUE constraint failed: index '{constraint.name}'",
        f"UNIQUE constraint failed: {columns}",
    )


def test_every_constraint_of_the_registry_is_in_the_table():
    held = {
        constraint.name
        for model in apps.get_app_config("registry").get_models()
        for constraint in model._meta.constraints
    }
    assert held == set(BREAKS)


def test_every_trigger_that_the_models_ask_for_is_there():
    assert triggers.differing() == []


def test_a_retirement_is_of_one_thing_and_its_successor_is_another_of_its_kind(rows):
    broken = [
        {"version_id": None, "successor_version_id": None},
        {"successor_version_id": None, "successor_tool_id": rows.tool.pk},
        {"tool_id": rows.tool.pk},
    ]
    for differing in broken:
        with pytest.raises(IntegrityError):
            again(rows.retired, **differing)
    # The same row once more, by plain SQL, is none that the database minds.
    again(rows.retired)


def test_a_metric_comes_with_its_suite_version_and_never_later(rows):
    with pytest.raises(IntegrityError, match="never later"):
        again(rows.metric, name="late", change_id=rows.sam.change_id.hex)


def test_nothing_but_a_part_is_ever_deleted(rows):
    for model in apps.get_app_config("registry").get_models():
        if not issubclass(model, GovernedModel) or model.part_of:
            continue
        assert model._base_manager.exists(), model
        with pytest.raises(IntegrityError, match="never deleted"):
            sql(f"DELETE FROM {model._meta.db_table}")
