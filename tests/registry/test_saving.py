"""Registering and amending: what is judged beyond the single field."""

from threading import Barrier, Thread

import pytest
from django.db import connection

from audit import Refused
from audit.models import Entry
from audit.refusals import Conflict, NotAllowed
from audit.rules import digest
from registry import transitions
from registry.models import (
    Dataset,
    DatasetVersion,
    EndpointRegion,
    Environment,
    ModelUse,
    ModelVersion,
    Objective,
    PromptTemplate,
    RegisteredModel,
    Release,
    ServingEndpoint,
    Tool,
    ToolScope,
    UseCase,
)
from registry.roles import Role
from tests import make


def refusal(call, *args, **kwargs):
    """Return the (code, field) pairs of the refusal that the call ends in."""
    with pytest.raises(Refused) as caught:
        call(*args, **kwargs)
    return [(reason.code, reason.field) for reason in caught.value.reasons]


@pytest.mark.django_db
class TestValues:
    def test_a_row_keeps_what_is_not_named(self):
        case = make.make_use_case(purpose="Sorts claims.")
        make.save(UseCase, {"risk_tier": "high"}, pk=case.pk)
        case.refresh_from_db()
        assert (case.purpose, case.risk_tier) == ("Sorts claims.", "high")

    def test_every_field_that_is_wrong_is_named_at_once(self):
        team = make.make_team()
        values = {"slug": "Not a slug", "name": "", "purpose": "x", "team": team}
        fields = {field for _, field in refusal(make.save, UseCase, values)}
        assert fields == {"slug", "name", "risk_tier", "data_classification"}

    def test_nothing_new_writes_nothing(self):
        case = make.make_use_case()
        before = Entry.objects.count()
        make.save(UseCase, {"name": case.name, "team": case.team_id}, pk=case.pk)
        assert Entry.objects.count() == before

    @pytest.mark.parametrize(
        ("noun", "maker", "values"),
        [
            (UseCase, make.make_use_case, {"slug": "other"}),
            (Environment, make.make_environment, {"stage": "regulated"}),
            (ModelVersion, make.make_model_version, {"version": "other"}),
            (PromptTemplate, make.make_prompt, {"kind": "policy"}),
            (DatasetVersion, make.make_dataset_version, {"digest": f"sha256:{'6' * 64}"}),
        ],
    )
    def test_what_addresses_and_digests_carry_is_given_once(self, noun, maker, values):
        row = maker()
        actor = make.admin() if noun is Environment else None
        (field,) = values
        assert refusal(make.save, noun, values, pk=row.pk, actor=actor) == [("SET_ONCE", field)]

    def test_a_digest_may_be_recorded_later(self):
        version = make.make_dataset_version(digest="")
        make.save(DatasetVersion, {"digest": f"sha256:{'6' * 64}"}, pk=version.pk)
        version.refresh_from_db()
        assert version.digest.endswith("6")

    def test_lists_and_objects_have_their_shape(self):
        assert refusal(
            make.make_model_version, capabilities="tools", input_modalities=["a", "a"]
        ) == [
            ("NOT_VALID", "input_modalities"),
            ("NOT_VALID", "capabilities"),
        ]
        assert refusal(make.make_release, parameters=["temperature"]) == [
            ("NOT_VALID", "parameters")
        ]

    def test_a_float_has_no_exact_form_and_is_refused_by_name(self):
        assert refusal(make.make_release, parameters={"temperature": 0.2}) == [
            ("NOT_VALID", "parameters")
        ]

    def test_what_nobody_types_cannot_be_given(self):
        with pytest.raises(ValueError, match="number is not set by hand"):
            make.make_release(number=7)


@pytest.mark.django_db
class TestTeams:
    def test_a_row_moves_only_by_whoever_registers_in_both_teams(self):
        here, there = make.make_team(), make.make_team()
        case = make.make_use_case(team=here)
        sam = make.make_person("", Role.REGISTRAR, team=here)
        make.grant(sam, Role.VIEWER, team=there)
        with pytest.raises(NotAllowed):
            make.save(UseCase, {"team": there}, pk=case.pk, actor=sam)
        make.grant(sam, Role.REGISTRAR, team=there)
        assert make.save(UseCase, {"team": there}, pk=case.pk, actor=sam).team == there

    def test_what_somebody_cannot_see_they_cannot_name(self):
        team, version = make.make_team(), make.make_model_version()
        sam = make.make_person("", Role.REGISTRAR, team=team)
        case = make.make_use_case(team=team)
        values = {"use_case": case, "model_version": version}
        assert refusal(make.save, Release, values, actor=sam) == [("NOT_FOUND", "model_version")]
        make.save(RegisteredModel, {"shared": True}, pk=version.model_id)
        assert make.save(Release, values, actor=sam).model_version == version

    def test_what_somebody_else_chose_may_stay(self):
        team, foreign = make.make_team(), make.make_use_case()
        uses = [{"use_case": foreign, "stance": "disallowed"}]
        model = make.make_model(team=team, uses=uses, on_call_team=foreign.team)
        sam = make.make_person("", Role.REGISTRAR, team=team)
        values = {"name": "Renamed", "on_call_team": foreign.team}
        row = make.save(RegisteredModel, values, {ModelUse: uses}, pk=model.pk, actor=sam)
        assert row.name == "Renamed"
        assert row.uses.get().use_case == foreign

    def test_tools_are_everybodys_and_places_the_administrators(self):
        sam = make.make_person("", Role.REGISTRAR, team=make.make_team())
        make.save(Tool, {"slug": "search", "name": "Search"}, actor=sam)
        with pytest.raises(NotAllowed):
            make.save(
                Environment,
                {"slug": "eu", "name": "EU", "stage": "sandbox", "jurisdiction": "EU"},
                actor=sam,
            )
        with pytest.raises(NotAllowed):
            make.save(Tool, {"slug": "mail", "name": "Mail"}, actor=make.admin())


@pytest.mark.django_db
class TestParts:
    def test_parts_become_what_was_wanted_and_the_log_says_what_came_and_went(self):
        release = make.make_release(sealed=False)
        kept = {"metric": "up", "objective": "≥ 99 %", "window": "30 days"}
        make.save(Release, {}, {Objective: [kept]}, pk=release.pk)
        before = Entry.objects.count()
        new = {**kept, "objective": "≥ 99.9 %"}
        make.save(Release, {}, {Objective: [new, {**kept, "window": "7 days"}]}, pk=release.pk)
        assert set(release.objectives.values_list("objective", "window")) == {
            ("≥ 99.9 %", "30 days"),
            ("≥ 99 %", "7 days"),
        }
        events = Entry.objects.filter(seq__gte=before).values_list("event", flat=True)
        assert sorted(events) == ["objective.created", "objective.created", "objective.removed"]
        assert set(Entry.objects.filter(seq__gte=before).values_list("about", flat=True)) == {
            release.key
        }

    def test_parts_not_named_stay(self):
        release = make.make_release(sealed=False)
        make.save(Release, {"notes": "Same parts."}, pk=release.pk)
        assert release.prompt_links.count() == release.objectives.count() == 1

    def test_a_scope_that_releases_use_is_described_anew_but_not_taken_out(self):
        scope = make.make_tool_scope()
        make.make_release(grants=[(scope, "none")])
        wanted = [{"name": scope.name, "description": "Reads only."}, {"name": "write"}]
        make.save(Tool, {}, {ToolScope: wanted}, pk=scope.tool_id)
        scope.refresh_from_db()
        assert scope.description == "Reads only."
        assert refusal(make.save, Tool, {}, {ToolScope: []}, pk=scope.tool_id) == [
            ("IN_USE", "name")
        ]
        make.save(Tool, {}, {ToolScope: wanted[:1]}, pk=scope.tool_id)
        assert [each.name for each in scope.tool.scopes.all()] == [scope.name]


@pytest.mark.django_db
class TestEndpoints:
    def test_the_digest_is_taken_over_what_is_stored(self):
        endpoint = make.make_endpoint()
        assert endpoint.digest == digest(endpoint.content.encode())

    @pytest.mark.parametrize(
        "values", [{"address": "https://other.example.org"}, {"cost_class": "high"}]
    )
    def test_a_changed_column_changes_it(self, values):
        endpoint = make.make_endpoint()
        changed = make.save(ServingEndpoint, values, pk=endpoint.pk)
        assert changed.digest != endpoint.digest

    def test_a_changed_region_changes_it_though_no_column_did(self):
        endpoint, region = make.make_endpoint(), make.make_region("mars")
        links = [
            {"purpose": link.purpose, "region": link.region}
            for link in endpoint.region_links.exclude(purpose="support")
        ]
        parts = {EndpointRegion: [*links, {"purpose": "support", "region": region}]}
        changed = make.save(ServingEndpoint, {}, parts, pk=endpoint.pk)
        assert changed.digest != endpoint.digest
        assert '"support":["mars"]' in changed.content

    def test_sealing_its_version_does_not(self):
        endpoint = make.make_endpoint()
        transitions.seal_version(endpoint.version_id, actor=make.registrar(), reason="Done.")
        same = make.save(ServingEndpoint, {"latency_class": endpoint.latency_class}, pk=endpoint.pk)
        assert same.digest == endpoint.digest

    def test_a_release_id_is_given_or_said_to_be_hidden(self):
        assert refusal(make.make_endpoint, exposure="exposed") == [("NOT_VALID", "")]
        endpoint = make.make_endpoint(exposure="exposed", served_release_id="fp_44709d6fcb")
        assert endpoint.served_release_id == "fp_44709d6fcb"

    def test_what_is_missing_is_asked_for(self):
        fields = {field for _, field in refusal(make.save, ServingEndpoint, {"slug": "lost"})}
        assert {"version", "host", "team", "address"} <= fields


@pytest.mark.django_db
class TestLineage:
    def test_a_circle_is_refused_with_its_path(self):
        a, b, c = (make.make_model_version() for _ in range(3))
        make.save(ModelVersion, {"base_version": b}, pk=a.pk)
        make.save(ModelVersion, {"base_version": c}, pk=b.pk)
        with pytest.raises(Refused, match=f"{c} ← {a} ← {b} ← {c}"):
            make.save(ModelVersion, {"base_version": a}, pk=c.pk)

    def test_a_version_is_not_its_own_base(self):
        version = make.make_model_version()
        assert refusal(make.save, ModelVersion, {"base_version": version}, pk=version.pk) == [
            ("LINEAGE_CIRCLE", "base_version")
        ]

    def test_a_method_needs_a_base(self):
        assert refusal(make.make_model_version, fine_tuning="adapter") == [("NOT_VALID", "")]


@pytest.mark.django_db
class TestNumbers:
    def test_releases_are_numbered_in_their_use_case(self):
        case, version = make.make_use_case(), make.make_model_version()
        numbers = [make.make_release(use_case=case, version=version).number for _ in range(3)]
        assert numbers == [1, 2, 3]
        assert make.make_release().number == 1

    def test_prompts_and_suites_are_numbered_too(self):
        template = make.make_prompt()
        versions = [make.make_prompt_version(template) for _ in range(2)]
        assert [version.number for version in versions] == [1, 2]
        assert versions[1].parent == versions[0]
        suite = make.make_suite_version().suite
        second = transitions.publish_suite_version(
            suite.pk, metrics=[{"name": "f1"}], actor=make.registrar(), reason="New metric."
        )
        assert second.number == 2

    def test_a_prompt_version_says_something_new(self):
        template = make.make_prompt()
        make.make_prompt_version(template, text="Be brief.")
        assert refusal(make.make_prompt_version, template, text="Be brief.") == [
            ("NOTHING_NEW", "text")
        ]

    def test_a_suite_version_has_metrics_of_different_names(self):
        suite = make.make_suite_version().suite

        def publish(*metrics):
            return transitions.publish_suite_version(
                suite.pk, metrics=list(metrics), actor=make.registrar(), reason="New."
            )

        assert refusal(publish) == [("METRICS_MISSING", "")]
        assert refusal(publish, {"name": "f1"}, {"name": "f1"})[0][0] == "NOT_VALID"
        assert suite.versions.count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_who_register_at_once_get_two_numbers():
    case = make.make_use_case()
    version = make.make_model_version(team=case.team)
    people = [make.make_person("", Role.REGISTRAR) for _ in range(2)]
    values = {"use_case": case.pk, "model_version": version.pk}
    start, failures = Barrier(2), []

    def register(person):
        try:
            for _ in range(5):
                start.wait(timeout=30)
                transitions.save_row(Release, None, values=values, actor=person, reason="Both.")
        except Exception as error:  # noqa: BLE001 - reported below, whatever it is
            failures.append(error)
            start.abort()
        finally:
            connection.close()

    threads = [Thread(target=register, args=[person]) for person in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert sorted(case.releases.values_list("number", flat=True)) == list(range(1, 11))


@pytest.mark.django_db
def test_a_dataset_belongs_to_a_team():
    team = make.make_team()
    row = make.save(Dataset, {"slug": "tickets", "name": "Tickets", "team": team})
    assert Dataset.objects.visible_to(make.make_person("", Role.VIEWER, team=team)).get() == row
    assert not Dataset.objects.visible_to(make.make_person("", Role.VIEWER, team=make.make_team()))


@pytest.mark.django_db
def test_a_sealed_release_points_to_the_way_on():
    release = make.make_release()
    with pytest.raises(Conflict, match="Make a new one from it"):
        make.save(Release, {"notes": "Late."}, pk=release.pk)
