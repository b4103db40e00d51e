"""A promotion as a bill of materials with declarations: what is claimed, and who signed it."""

import json

import pytest

from gates import exporting
from gates import transitions as gates
from registry.models import ModelUse, RegisteredModel, ServingEndpoint, UseCase
from registry.roles import Role
from tests import make
from tests.evidence.exported import api, said, valid_bom
from tests.gates.stories import story

pytestmark = pytest.mark.django_db


def test_a_promotion_declares_what_it_rests_on_and_who_signed(client):
    told = story("production")
    told.give_all()
    told.ask()
    reader = make.make_person(make.name("reader"), Role.VIEWER, team=told.use_case.team)
    address = f"promotions/{told.promotion.pk}"

    # In review nothing is claimed.
    asked = valid_bom(api(reader, f"{address}/cyclonedx/").content)
    assert "claims" not in asked["declarations"] and "affirmation" not in asked["declarations"]
    assert asked["declarations"]["evidence"]
    fields = [one["field"] for one in api(reader, f"{address}/exports/").json()["cyclonedx"]]
    assert "declarations.claims" in fields and "declarations.affirmation" in fields

    told.sign_all()
    told.promotion.refresh_from_db()
    answer = api(reader, f"{address}/cyclonedx/")
    assert answer["Content-Type"] == "application/vnd.cyclonedx+json; version=1.6"
    bom = valid_bom(answer.content)
    assert answer.content == api(reader, f"{address}/cyclonedx/").content
    declared, document = bom["declarations"], told.promotion.decided_package
    named = {one["bom-ref"] for one in declared["evidence"]}
    for claim in declared["claims"]:
        assert claim["target"] == bom["metadata"]["component"]["bom-ref"] and claim["predicate"]
        assert set(claim.get("evidence", ())) <= named
    for one in declared["evidence"]:
        assert one["created"] < one["expires"] and one["author"]["name"]
    assert any("reviewer" in one for one in declared["evidence"])
    (attested,) = declared["attestations"]
    wanted = {
        one["bom-ref"] for each in bom["definitions"]["standards"] for one in each["requirements"]
    }
    assert {one["requirement"] for one in attested["map"]} <= wanted
    assert all(one["conformance"]["score"] == 1 for one in attested["map"])
    signatories = declared["affirmation"]["signatories"]
    signed = document.people.filter(kind="signer")
    assert len(signatories) == signed.count() > 0
    for one in signatories:
        assert one["name"] and one["organization"]["name"]
        assert one["externalReference"]["url"].startswith(f"/promotions/{told.promotion.pk}/")
    assert document.digest in declared["affirmation"]["statement"]
    about = bom["metadata"]["properties"]
    assert said(about, "promotion:package") == [document.digest]
    assert said(about, "promotion:state") == ["approved"]
    assert len(said(about, "evidence:digest")) == len(named)

    # An endpoint that is changed is another, which nobody approved.
    make.save(ServingEndpoint, {"address": "https://new.example.org/"}, pk=told.endpoint.pk)
    later = valid_bom(api(reader, f"{address}/cyclonedx/").content)
    assert len(later.get("services", ())) == len(bom["services"]) - 1
    about = later["metadata"]["properties"]
    assert told.endpoint.slug in said(about, "promotion:endpoint")[0]
    gaps = api(reader, f"{address}/exports/").json()["cyclonedx"]
    assert any(told.endpoint.slug in one["sentence"] for one in gaps)
    answer = api(reader, f"{address}/cyclonedx/")

    client.force_login(reader)
    assert (
        f'href="/promotions/{told.promotion.pk}/exports/"'
        in client.get(told.promotion.get_absolute_url()).content.decode()
    )
    page = client.get(f"/{address}/exports/")
    assert page.status_code == 200 and "JSF" in page.content.decode()
    sent = client.get(f"/{address}/cyclonedx/")
    assert sent.content == answer.content

    stranger = make.make_person(make.name("stranger"), Role.VIEWER, team=make.make_team())
    for end in ("cyclonedx", "exports"):
        assert api(stranger, f"{address}/{end}/").status_code == 404
    assert exporting.claimed(told.promotion)


def test_what_came_after_the_decision_is_nothing_that_was_approved():
    told = story("production")
    told.give_all()
    told.ask()
    told.sign_all()
    reader = make.make_person(make.name("reader"), Role.VIEWER, team=told.use_case.team)
    address = f"promotions/{told.promotion.pk}/cyclonedx/"
    approved = api(reader, address).content
    told.give_run("0.99")
    make.save(UseCase, {"risk_tier": "limited", "purpose": "Another."}, pk=told.use_case.pk)
    model = told.release.model_version.model
    other = make.make_use_case(team=told.use_case.team)
    uses = [{"use_case": use_case, "stance": "intended"} for use_case in (told.use_case, other)]
    make.save(RegisteredModel, {}, {ModelUse: uses}, pk=model.pk)
    assert api(reader, address).content == approved
    # Of the release itself, nothing is approved: it is told as it is now.
    release = api(reader, f"releases/{told.release.pk}/cyclonedx/").content.decode()
    assert "0.99" in release and "limited" in release

    owner = told.signer(Role.RISK_OWNER)
    gates.revoke(told.promotion.pk, password=make.PASSWORD, actor=owner, reason="It is unsafe.")
    about = valid_bom(api(reader, address).content)["metadata"]["properties"]
    (revoked,) = said(about, "promotion:revocation")
    assert json.loads(revoked)["reason"] == "It is unsafe."
