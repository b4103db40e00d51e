"""Whoever may not see a row does not read its name anywhere: it is counted instead.

A team's version comes from another team's base and data, and its release is made of another
team's version and prompt. All that the other team owns carries a mark in its name.
"""

from types import SimpleNamespace

import pytest
from django.urls import reverse

from evidence import transitions as evidence
from gates import transitions as gates
from gates.models import Promotion
from registry import transitions
from registry.models import ServingEndpoint
from registry.roles import Role
from tests import make
from tests.api.reading import reader
from tests.gates.stories import answers
from tests.portal.world import MARK, OWNED

pytestmark = pytest.mark.django_db

SAID = "that you may not see"


@pytest.fixture
def mixed(monkeypatch):
    """What a team made of its own things and of those of another team."""
    team, plain = make.make_team("claims"), make.name
    marked = {of: f"{MARK}-{of}" for of in OWNED}
    with monkeypatch.context() as patched:
        patched.setattr(make, "name", lambda of: plain(marked.get(of, of)))
        other = make.make_team()
        case = make.make_use_case(team=other)
        base = make.make_model_version(
            model=make.make_model(team=other), identifier=f"{MARK}-7b", sealed=True
        )
        data = make.make_dataset_version(team=other, digest="")
        text = make.make_prompt_version(make.make_prompt(team=other), text=f"{MARK} text")
    own_data = make.make_dataset_version(team=team)
    use_case = make.make_use_case("claims-triage", team=team)
    model = make.make_model(
        "own-model",
        team=team,
        uses=[
            {"use_case": use_case, "stance": "intended"},
            {"use_case": case, "stance": "intended"},
        ],
    )
    version = make.make_model_version(
        model=model,
        version="2",
        base_version=base,
        fine_tuning="adapter",
        datasets=[(data, "training"), (own_data, "evaluation")],
    )
    plain_version = make.make_model_version(model=model, version="1", sealed=True)
    own_text = make.make_prompt_version(make.make_prompt(team=team))
    parts = {"use_case": use_case, "version": base, "prompts": [text, own_text]}
    earlier = make.make_release(use_case=use_case, version=plain_version, prompts=[own_text])
    endpoint = make.make_endpoint("own-endpoint", version=base, team=team)
    with monkeypatch.context() as patched:
        patched.setattr(make, "name", lambda of: plain(marked.get(of, of)))
        make.make_endpoint(version=version, team=other)
    return SimpleNamespace(
        team=team,
        other=other,
        model=model,
        version=version,
        base=base,
        data=data,
        text=text,
        case=case,
        use_case=use_case,
        endpoint=endpoint,
        earlier=earlier,
        release=make.make_release(**parts),
        draft=make.make_release(**parts, sealed=False),
    )


def pages(mixed) -> dict[str, str]:
    """Every page that would name something of the other team: address -> what it says instead."""
    version, release, model = mixed.version, mixed.release, mixed.model
    compare, plain = reverse("admin:compare"), mixed.earlier.model_version_id
    return {
        version.get_absolute_url(): SAID,
        f"{version.get_absolute_url()}lineage/": SAID,
        f"/registry/modelversion/{version.pk}/change/": SAID,
        f"/registry/modelversion/{version.pk}/history/": SAID,
        f"{compare}?kind=model-version&a={plain}&b={version.pk}": SAID,
        release.get_absolute_url(): SAID,
        mixed.draft.get_absolute_url(): SAID,
        f"{release.get_absolute_url()}lineage/": SAID,
        f"/registry/release/{release.pk}/change/": SAID,
        f"/registry/release/{mixed.draft.pk}/change/": SAID,
        f"/registry/release/{release.pk}/history/": SAID,
        f"{compare}?kind=release&a={mixed.earlier.pk}&b={release.pk}": SAID,
        "/registry/release/": SAID,
        "/registry/modelversion/": "",
        "/registry/servingendpoint/": SAID,
        f"/registry/servingendpoint/{mixed.endpoint.pk}/change/": SAID,
        model.get_absolute_url(): SAID,
        f"/registry/registeredmodel/{model.pk}/change/": SAID,
        f"/registry/registeredmodel/{model.pk}/history/": SAID,
        "/search/?q=claims": SAID,
        "/": "",
    }


@pytest.mark.parametrize("role", [Role.VIEWER, Role.REGISTRAR, Role.REQUESTER])
def test_no_page_names_what_its_reader_may_not_see(client, mixed, role):
    client.force_login(make.make_person("", role, team=mixed.team))
    faults = []
    for address, said in pages(mixed).items():
        page = client.get(address)
        assert page.status_code == 200, address
        if MARK in page.text:
            faults.append((address, around(page.text)))
        elif said not in page.text:
            faults.append((address, "counts nothing"))
    assert faults == []


def around(text: str) -> str:
    place = text.index(MARK)
    return text[max(0, place - 200) : place + 100]


def test_whoever_sees_all_reads_every_name(client, mixed):
    client.force_login(make.make_person("", Role.AUDITOR))
    for address in pages(mixed):
        page = client.get(address)
        assert page.status_code == 200, address
        assert SAID not in page.text, address


def test_no_link_leads_to_what_is_not_there(client, mixed):
    client.force_login(make.make_person("", Role.VIEWER, team=mixed.team))
    for address in (mixed.version.get_absolute_url(), mixed.release.get_absolute_url()):
        text = client.get(address).text
        for row in (mixed.base, mixed.base.model, mixed.text, mixed.data, mixed.case):
            kind = f"/registry/{row._meta.model_name}/{row.pk}/"
            assert kind not in text, (address, kind)


# The API


def test_the_api_says_nothing_where_something_is_hidden_and_counts_it(mixed):
    caller, auditor = reader("viewer", team=mixed.team), reader("auditor")
    version, release = f"model-versions/{mixed.version.pk}/", f"releases/{mixed.release.pk}/"
    paths = {
        version: 3,  # base version, dataset and endpoint
        release: 2,  # model version and prompt
        f"models/{mixed.model.slug}/": 1,
        f"releases/{mixed.release.pk}/lineage/": 2,
    }
    for path, hidden in paths.items():
        answer = caller.get(path)
        assert MARK not in answer.text, (path, around(answer.text))
        assert answer.json()["hidden"] == hidden, path
        whole = auditor.get(path)
        assert (whole.json()["hidden"], MARK in whole.text) == (0, True), path
    shown = caller.get(version).json()
    assert (shown["base_version"], shown["content"]) == (None, None)
    assert [link["role"] for link in shown["datasets"]] == ["evaluation"]
    shown = caller.get(release).json()
    assert (shown["model_version"], shown["content"]) == (None, None)
    assert len(shown["prompts"]) == 1
    whole = auditor.get(release).json()
    assert whole["content"] == mixed.release.content
    for path in ("releases/", "model-versions/", "models/"):
        answer = caller.get(path)
        assert MARK not in answer.text, (path, around(answer.text))
        assert any(row["hidden"] for row in answer.json()["results"])
    question = {"kind": "release", "a": mixed.earlier.pk, "b": mixed.release.pk}
    compared = caller.get("compare/", **question)
    assert MARK not in compared.text
    assert compared.json()["hidden"] == 2
    assert auditor.get("compare/", **question).json()["hidden"] == 0


# Forms keep what their reader may not see


def test_a_form_keeps_what_its_reader_may_not_see(client, mixed):
    person = make.make_person("", Role.REGISTRAR, team=mixed.team)
    client.force_login(person)
    form = f"/registry/release/{mixed.draft.pk}/change/"
    page = client.get(form)
    (prompts, grants, objectives) = page.context_data["inline_admin_formsets"]
    values = {
        "use_case": mixed.use_case.pk,
        "model_version": mixed.base.pk,
        "parameters": "{}",
        "notes": "Mended.",
        "on_call_team": mixed.team.pk,
        "runbook": "https://runbooks.example.org/answers",
        "reason": make.WHY,
    }
    for inline in (prompts, grants, objectives):
        formset = inline.formset
        shown = formset.initial_form_count()
        values |= {f"{formset.prefix}-TOTAL_FORMS": shown, f"{formset.prefix}-INITIAL_FORMS": shown}
        for one in formset.forms[:shown]:
            values |= {
                one.add_prefix(name): one[name].value()
                for name in one.fields
                if name != "DELETE" and one[name].value() is not None
            }
    answer = client.post(form, values)
    assert answer.status_code == 302, answer.context_data["adminform"].form.errors
    mixed.draft.refresh_from_db()
    assert (mixed.draft.notes, mixed.draft.model_version_id) == ("Mended.", mixed.base.pk)
    assert mixed.draft.prompt_links.count() == 2


# What is signed is read whole


def test_a_promotion_names_what_it_rests_on_without_links_to_hidden_pages(client, mixed):
    giver = make.make_person("", Role.EVIDENCE_CONTRIBUTOR)
    items = [
        evidence.give(
            **{about: row},
            kind="safety_check",
            title=title,
            verdict="pass",
            vouched_by="The laboratory",
            answers=answers("safety_check"),
            actor=giver,
            reason=make.WHY,
        )
        for about, row, title in [
            ("version", mixed.base, "Safe by itself"),
            ("version", mixed.base, "Safe in the end"),
        ]
    ]
    promotion = gates.request(
        release=mixed.release,
        environment=make.make_environment(),
        endpoints=[ServingEndpoint.objects.get(pk=mixed.endpoint.pk)],
        purpose="Faster answers.",
        actor=make.make_person("", Role.REQUESTER),
        reason=make.WHY,
    )
    promotion = Promotion.objects.get(pk=promotion.pk)
    client.force_login(make.make_person("", Role.REVIEWER, team=mixed.team))
    page = client.get(promotion.get_absolute_url())
    assert page.status_code == 200
    assert MARK not in page.text, around(page.text)
    # The newer one is what it rests on: a signer is told of it. The other one is counted.
    assert "Safe in the end" in page.text
    assert "Safe by itself" not in page.text
    assert f"1 item and 1 {SAID}" in page.text
    assert items[1].get_absolute_url() not in page.text


def test_a_lineage_gap_at_the_gate_is_counted(mixed):
    from registry.completeness import counted_gaps, lineage_gaps

    assert counted_gaps(mixed.version) == [
        "1 model version has no digest.",
        "1 dataset version has no digest.",
    ]
    person = make.make_person("", Role.VIEWER, team=mixed.team)
    said = lineage_gaps(mixed.version, person)
    assert said[-1] == f"1 part {SAID} has no digest."
    assert MARK not in " ".join(said)


def test_a_seal_that_is_off_does_not_name_the_hidden_reason(client, mixed):
    transitions.retire(type(mixed.text), mixed.text.pk, actor=make.registrar(), reason="It ends.")
    client.force_login(make.make_person("", Role.REGISTRAR, team=mixed.team))
    page = client.get(mixed.draft.get_absolute_url())
    assert f"The prompt version {SAID} is retired." in page.text
    assert MARK not in page.text, around(page.text)
