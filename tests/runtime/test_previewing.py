"""Before a verb: which environments would get another generation, and what would differ there."""

import pytest

from gates import transitions as gates
from gates.models import GateVersion
from gates.previewing import Attempt, followed
from registry.roles import Role
from registry.transitions import publish_policy_version
from runtime import transitions
from tests import make
from tests.api.reading import reader
from tests.gates.stories import WHY, story
from tests.runtime.stories import generations, operator, running

pytestmark = pytest.mark.django_db


@pytest.fixture
def told():
    return running()


def told_to(client, person, address: str) -> str:
    client.force_login(person)
    answer = client.get(address)
    assert answer.status_code == 200, answer
    return answer.content.decode()


def codes(found) -> list[str]:
    return [change["code"] for one in found for change in one.changes]


def test_a_policy_draft_says_which_generations_it_publishes_and_what_differs(told, client):
    elsewhere = make.make_region()
    pack = make.make_pack("only-there")
    draft = make.make_policy_draft(pack, **{"residency.processing": [elsewhere.slug]})
    author = make.make_person(make.name("una"), Role.AUDITOR)
    before = generations(told.environment)
    text = told_to(client, author, f"/policy/versions/{draft.pk}/preview/")
    assert "Generation 3" in text and f"residency.processing added, {elsewhere.slug}" in text
    answer = reader("auditor").get("policy-preview/", pack=pack.slug, version=1).json()
    (one,) = answer["generations"]
    assert (one["environment"], one["generation"]) == (told.environment.slug, 3)
    assert "POLICY" in [change["code"] for change in one["changes"]]
    stranger = reader("viewer", team=make.make_team())
    (one,) = stranger.get("policy-preview/", pack=pack.slug, version=1).json()["generations"]
    assert one["changes"] == [] and one["hidden"]
    assert generations(told.environment) == before
    # What the preview said is what publishing does.
    publish_policy_version(draft.pk, actor=make.author("percy"), reason=WHY)
    assert generations(told.environment)[-1] == (3, "followed")


def test_a_revocation_says_what_it_stops(told, client):
    owner = told.signer(Role.RISK_OWNER)
    address = f"/gates/promotion/{told.promotion.pk}/revoke/"
    text = told_to(client, owner, address)
    assert "Generation 3" in text and "→ no more." in text
    assert codes(followed(Attempt(revoked=frozenset({told.promotion.pk})), owner)) == ["APPROVAL"]
    gates.revoke(told.promotion.pk, password=make.PASSWORD, actor=owner, reason=WHY)
    assert generations(told.environment)[-1] == (3, "followed")


def test_what_changes_no_route_says_so(told, client):
    asked = story()
    waiver = asked.ask_waiver()
    sandbox = GateVersion.objects.get(gate="sandbox")
    draft = gates.new_gate_version_from(sandbox.pk, actor=make.author(), reason=make.WHY)
    before = generations(told.environment)
    for person, address in (
        (asked.signer(Role.RISK_OWNER), f"/gates/waiver/{waiver.pk}/grant/"),
        (make.make_person(make.name("una"), Role.AUDITOR), f"/gates/versions/{draft.pk}/preview/"),
    ):
        assert "No environment would get a new generation" in told_to(client, person, address)
    gates.grant_waiver(
        waiver.pk, password=make.PASSWORD, actor=asked.signer(Role.RISK_OWNER), reason=WHY
    )
    assert generations(told.environment) == before


def test_a_suspension_is_looked_at_before_it_is_done(told, client):
    ops = operator(told)
    address = f"{told.environment.get_absolute_url()}suspend/"
    assert "Look first" in told_to(client, ops, address)
    text = told_to(client, ops, f"{address}?subject=endpoint:{told.endpoint.pk}")
    assert "Generation 3" in text and "is suspended: “your reason”" in text
    assert "Generation 3" not in told_to(client, ops, f"{address}?subject=endpoint:0")
    assert generations(told.environment)[-1] == (2, "placed")
    transitions.suspend(
        told.endpoint,
        environment=told.environment,
        password=make.PASSWORD,
        actor=ops,
        reason=WHY,
    )
    assert generations(told.environment)[-1] == (3, "suspended")
