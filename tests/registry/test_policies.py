"""Policy packs: drafted by one, published by another, then immutable; pages and API read them."""

import pytest
from django.db import IntegrityError, connection, transaction
from rest_framework.test import APIClient

from audit import Refused, clock
from audit.refusals import Conflict, NotAllowed
from registry import transitions
from registry.effective import effective_policy
from registry.models import PolicyUseCase, PolicyVersion
from registry.policy import read_yaml
from registry.roles import Role
from tests import make

pytestmark = pytest.mark.django_db

WHY = "Told in a test."


def clauses(**values):
    return {
        key.replace("__", "."): {"value": value, "why": "Because."} for key, value in values.items()
    }


def publish(draft, actor):
    return transitions.publish_policy_version(draft.pk, actor=actor, reason=WHY)


def sql(statement, *values):
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, values)


# Verbs


def test_a_second_person_publishes_and_the_version_is_sealed():
    draft = make.make_policy_draft(review_months=6)
    version = publish(draft, make.author("percy"))
    assert version.published_by.username == "percy"
    assert version.digest.startswith("sha256:")
    with pytest.raises(Conflict, match="never changes"):
        transitions.save_policy_draft(
            version.pk, clauses=clauses(review_months=7), actor=make.author(), reason=WHY
        )


def test_the_drafter_does_not_publish_nor_whoever_wrote_on_the_draft():
    draft = make.make_policy_draft(review_months=6)
    with pytest.raises(NotAllowed, match="You wrote on this draft"):
        publish(draft, make.author())
    transitions.save_policy_draft(
        draft.pk, clauses=clauses(review_months=5), actor=make.author("percy"), reason=WHY
    )
    with pytest.raises(NotAllowed, match="You wrote on this draft"):
        publish(draft, make.author("percy"))
    assert publish(draft, make.author("pia")).published_at


def test_a_role_in_one_team_is_not_enough():
    draft = make.make_policy_draft(review_months=6)
    someone = make.make_person("tilda", Role.POLICY_AUTHOR, team=make.make_team())
    with pytest.raises(NotAllowed, match="policy author for all teams"):
        publish(draft, someone)


def test_what_changed_while_it_was_read_is_not_published():
    draft = make.make_policy_draft(review_months=6)
    with pytest.raises(Conflict, match="changed while"):
        transitions.publish_policy_version(
            draft.pk, seen="sha256:other", actor=make.author("percy"), reason=WHY
        )


def test_a_pack_has_one_draft_at_a_time_and_a_new_one_begins_as_the_old():
    case = make.make_use_case()
    version = make.make_policy(make.make_pack(layer="domain"), use_cases=[case], review_months=6)
    draft = transitions.new_policy_version_from(version.pk, actor=make.author(), reason=WHY)
    assert (draft.number, draft.clauses) == (2, version.clauses)
    assert draft.use_case_links.get().use_case == case
    with pytest.raises(Refused, match="has a draft already"):
        transitions.new_policy_version_from(version.pk, actor=make.author(), reason=WHY)


@pytest.mark.parametrize(
    ("layer", "cases", "said"),
    [
        ("organisation", 1, "binds everywhere"),
        ("domain", 0, "Name the use cases"),
        ("use_case", 2, "binds one use case"),
    ],
)
def test_a_pack_binds_what_its_layer_says(layer, cases, said):
    pack = make.make_pack(layer=layer)
    with pytest.raises(Refused, match=said):
        make.make_policy_draft(
            pack, use_cases=[make.make_use_case() for _ in range(cases)], review_months=6
        )


def test_every_problem_of_a_draft_is_told_at_once():
    with pytest.raises(Refused) as refused:
        make.make_policy_draft(
            residency__processing=["nowhere"], tools={"deny": ["hammer"]}, review_months=0
        )
    assert len(refused.value.reasons) == 3


# The database stands alone


def test_four_eyes_and_seal_hold_where_no_python_runs():
    draft = make.make_policy_draft(review_months=6)
    with pytest.raises(IntegrityError, match="policyversion_four_eyes"):
        sql(
            "UPDATE registry_policyversion SET published_by_id = drafted_by_id, content = 'x', "
            "digest = 'y', published_at = %s WHERE id = %s",
            clock.now(),
            draft.pk,
        )
    with pytest.raises(IntegrityError, match="policyversion_publication_is_whole"):
        sql("UPDATE registry_policyversion SET digest = 'y' WHERE id = %s", draft.pk)
    version = publish(draft, make.author("percy"))
    for change in (
        "UPDATE registry_policyversion SET notes = 'x'",
        "DELETE FROM registry_policyversion",
    ):
        with pytest.raises(IntegrityError):
            sql(f"{change} WHERE id = %s", version.pk)


def test_what_a_published_version_binds_cannot_be_taken_out_or_added():
    case = make.make_use_case()
    version = make.make_policy(make.make_pack(layer="domain"), use_cases=[case], review_months=6)
    link = PolicyUseCase.objects.get(version=version)
    with pytest.raises(IntegrityError):
        sql("DELETE FROM registry_policyusecase WHERE id = %s", link.pk)
    with pytest.raises(IntegrityError):
        sql("UPDATE registry_policyusecase SET use_case_id = use_case_id WHERE id = %s", link.pk)


# Pages


def test_a_draft_is_written_and_published_through_the_pages(client):
    author, second, pack = make.author(), make.author("percy"), make.make_pack()
    client.force_login(author)
    text = "clauses:\n  review_months: {value: 6, why: Half a year.}\n"
    lines = {
        "use_case_links-TOTAL_FORMS": 0,
        "use_case_links-INITIAL_FORMS": 0,
    }
    entered = {"pack": pack.pk, "clauses": text, "notes": "", "reason": WHY, **lines}
    answer = client.post("/registry/policyversion/add/", entered)
    assert answer.status_code == 302, answer.context["errors"]
    draft = PolicyVersion.objects.get(pack=pack)
    assert draft.clauses["review_months"]["value"] == 6
    page = f"/registry/policyversion/{draft.pk}/publish/"
    assert client.post(page, {"reason": WHY}).status_code == 403
    client.force_login(second)
    assert client.post(page, {"reason": WHY}).status_code == 302
    read = client.get(f"/registry/policyversion/{draft.pk}/change/").content.decode()
    assert "Half a year." in read
    assert 'name="clauses"' not in read


def test_a_fault_is_told_with_its_line_and_what_was_written_is_kept(client):
    client.force_login(make.author())
    text = "clauses:\n  review_months: {value: 6, why: w}\n  cooking: {value: 1, why: w}\n"
    entered = {
        "pack": make.make_pack().pk,
        "clauses": text,
        "reason": WHY,
        "use_case_links-TOTAL_FORMS": 0,
        "use_case_links-INITIAL_FORMS": 0,
    }
    answer = client.post("/registry/policyversion/add/", entered)
    said = answer.content.decode()
    assert answer.status_code == 422
    assert "Line 3: cooking: There is no such clause." in said
    assert "review_months: {value: 6, why: w}" in said


def test_a_reader_sees_the_matrix_with_every_pack(client):
    case, place = make.make_use_case(), make.make_environment()
    make.make_policy(make.make_pack("wide"), review_months=18)
    make.make_policy(make.make_pack("law", "jurisdiction", jurisdiction="EU"), review_months=12)
    make.make_policy(make.make_pack("yonder", "jurisdiction", jurisdiction="US"), review_months=1)
    client.force_login(make.make_person("vera", Role.VIEWER))
    address = f"/policy/effective/?use_case={case.slug}&environment={place.slug}"
    said = client.get(address).content.decode()
    assert "1 clause from 2 packs; the strictest wins." in said
    assert "<del>18</del>" in said and "sets it · law v1" in said
    assert f"{place.slug} lies in EU, not in US." in said
    assert client.get("/policy/effective/").status_code == 200
    assert client.get(f"{address}&at=tomorrow").status_code == 400
    assert client.get("/policy/effective/?use_case=none&environment=none").status_code == 404


def test_the_matrix_of_then_shows_what_held_then(client):
    case, place = make.make_use_case(), make.make_environment()
    pack = make.make_pack("wide")
    make.make_policy(pack, review_months=18)
    then = clock.now()
    make.make_policy(pack, review_months=9)
    assert effective_policy(case, place, then).value("review_months") == 18
    client.force_login(make.make_person("vera", Role.VIEWER))
    at = then.strftime("%Y-%m-%dT%H:%M:%S.%f")
    address = f"/policy/effective/?use_case={case.slug}&environment={place.slug}"
    assert "sets it · wide v1" in client.get(f"{address}&at={at}").content.decode()
    assert "sets it · wide v2" in client.get(address).content.decode()


def test_a_version_leaves_as_yaml_that_the_form_reads(client):
    version = make.make_policy(make.make_pack("wide"), review_months=18)
    client.force_login(make.make_person("vera", Role.VIEWER))
    answer = client.get(f"/policy/versions/{version.pk}/yaml/")
    assert "wide-v1.yaml" in answer["Content-Disposition"]
    read = read_yaml(answer.content.decode())
    assert not read.problems
    assert read.document["clauses"] == version.clauses
    assert client.get("/policy/versions/999999/yaml/").status_code == 404


def test_release_and_environment_pages_name_the_packs(client):
    release, place = make.make_release(), make.make_environment()
    make.make_policy(make.make_pack("wide"), review_months=18)
    client.force_login(make.make_person("vera", Role.VIEWER))
    for page in (release.get_absolute_url(), place.get_absolute_url()):
        assert "1 clause from wide v1." in client.get(page).content.decode()


# API


def api():
    client = APIClient()
    token = make.make_token(make.make_person(make.name("reader"), Role.VIEWER))
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    return client


def test_the_api_lists_packs_and_shows_versions():
    pack = make.make_pack("wide")
    make.make_policy(pack, review_months=18)
    draft = make.make_policy_draft(pack, review_months=9)
    client = api()
    assert [one["slug"] for one in client.get("/api/v1/policy-packs/").json()["results"]] == [
        "wide"
    ]
    versions = client.get("/api/v1/policy-packs/wide/").json()["versions"]
    assert [one["number"] for one in versions] == [draft.number, 1]
    assert versions[1]["clauses"]["review_months"]["value"] == 18


def test_the_api_answers_the_effective_policy_now_and_then():
    case, place, pack = make.make_use_case(), make.make_environment(), make.make_pack("wide")
    make.make_policy(pack, review_months=18)
    then = clock.now().strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    make.make_policy(pack, review_months=9)
    client, asked = api(), {"use_case": case.slug, "environment": place.slug}
    now = client.get("/api/v1/effective-policy/", asked).json()
    assert now["digest"] == effective_policy(case, place).digest
    assert now["clauses"][0]["origins"][0]["pack"] == "wide"
    was = client.get("/api/v1/effective-policy/", {**asked, "at": then}).json()
    assert (now["clauses"][0]["value"], was["clauses"][0]["value"]) == (9, 18)
    assert client.get("/api/v1/effective-policy/").status_code == 400
    unknown = client.get("/api/v1/effective-policy/", {**asked, "use_case": "none"})
    assert unknown.status_code == 404
    late = client.get("/api/v1/effective-policy/", {**asked, "at": "2999-01-01T00:00:00Z"})
    assert late.status_code == 400
