"""Every list has a CSV: a link on the page that keeps its filters, and the rows behind it."""

import csv
import io
import re

import pytest
from django.contrib import admin
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from portal.csv_files import LISTS
from portal.pages import PAGES
from registry.models import Provider
from registry.roles import Role
from tests import make
from tests.gates.stories import make_webhook, story
from tests.nouns import REGISTERED, make_one, multiply

pytestmark = pytest.mark.django_db

#: Pages without a place in the address that hold no list, or one that is had elsewhere.
NO_LIST = {
    "menu": "the sidebar for small screens",
    "search": "an answer; “more” leads to a list that has a CSV",
    "api_docs": "documentation",
    "audit_review": "a form",
    "audit_export": "a form",
    "audit_losses": "some rows of prose, each in the log",
    "notices": "what one is told of: settings",
    "second_factor": "a form",
    "compare": "two rows side by side",
    "impact": "an answer about one row",
    "promotion_ask": "a form",
    "incident_open": "a form",
    "drill": "an answer to what is imagined",
    "route_try": "an answer to what is imagined",
    "facts_keep": "a form",
    "effective_policy": "one merged policy, had as YAML and JSON",
    "import_policy": "a form",
    "effective_gate": "one merged gate",
    "import_card": "a form",
}


def rows_of(client, address: str) -> list[dict]:
    sent = client.get(address)
    assert sent.status_code == 200 and sent.streaming, (address, sent.status_code)
    assert sent["Content-Type"] == "text/csv; charset=utf-8"
    assert sent["Content-Disposition"].startswith('attachment; filename="')
    return list(csv.DictReader(io.StringIO(sent.getvalue().decode())))


@pytest.fixture
def reader(client):
    person = make.make_person(make.name("reader"), *Role)
    client.force_login(person)
    return person


def test_every_page_that_lists_has_one():
    plain = {page.name for page in PAGES if "<" not in page.route}
    with_one = {page.name for page in LISTS}
    assert plain - with_one == set(NO_LIST)


def test_every_list_is_had_as_csv(client, reader):
    told = story(grants=[(make.make_tool_scope(), "human_approval")])
    told.give_all()
    told.give_run()
    told.ask()
    told.ask_waiver()
    make.make_policy_draft(review_months=12)
    webhook, *_ = make_webhook()
    for model in admin.site._registry:
        name = f"{model._meta.app_label}_{model._meta.model_name}"
        page = client.get(reverse(f"admin:{name}_changelist"))
        assert 'href="csv/' in page.content.decode(), name
        listed = rows_of(client, reverse(f"admin:{name}_csv"))
        assert len(listed) == len(page.context["cl"].result_list), name
    assert {model._meta.label_lower for model in admin.site._registry} == set(REGISTERED)
    for page in LISTS:
        kwargs = {"pk": webhook.pk} if "<" in page.route else {}
        address = reverse(f"admin:{page.csv_name}", kwargs=kwargs)
        shown = reverse(f"admin:{page.name}", kwargs=kwargs) if page.view else "/"
        rows_of(client, address)
        if page.name != "waiting":
            assert f'href="{address}"' in client.get(shown).content.decode(), page.name
    assert client.post("/incidents.csv").status_code == 405
    assert client.post("/registry/usecase/csv/").status_code == 405


def test_it_keeps_the_filters_and_says_times_with_their_zone(client, reader):
    one, other = make.make_use_case(risk_tier="high"), make.make_use_case(risk_tier="limited")
    page = client.get("/registry/usecase/?risk_tier__exact=high&o=1&p=0").content.decode()
    (address,) = re.findall(r'href="(csv/[^"]*)"', page)
    assert address == "csv/?risk_tier__exact=high"
    listed = rows_of(client, f"/registry/usecase/{address}")
    assert [row["slug"] for row in listed] == [one.slug]
    assert listed[0]["risk tier"] == one.get_risk_tier_display()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", listed[0]["changed at"])
    assert listed[0]["changed by"] == one.change.actor_name
    found = rows_of(client, f"/registry/usecase/csv/?q={other.slug}")
    assert [row["slug"] for row in found] == [other.slug]
    assert client.get("/registry/usecase/csv/?risk_tier__exact__x=1").status_code == 400
    assert client.get("/incidents.csv?state=none").status_code == 400
    shown = client.get(f"/incidents/?state=open&use_case={one.slug}&after=7").content.decode()
    assert f'href="/incidents.csv?state=open&amp;use_case={one.slug}"' in shown


def test_it_holds_what_the_reader_may_see(client):
    mine, foreign = make.make_use_case(), make.make_use_case()
    client.force_login(make.make_person(make.name("viewer"), Role.VIEWER, team=mine.team))
    assert [row["slug"] for row in rows_of(client, "/registry/usecase/csv/")] == [mine.slug]
    text = client.get("/registry/team/csv/").getvalue().decode()
    assert mine.team.slug in text and foreign.team.slug not in text
    assert client.get("/audit.csv").status_code == 403
    client.logout()
    assert client.get("/registry/usecase/csv/").status_code == 302
    assert client.get("/waiting.csv").status_code == 302


def test_what_was_typed_is_no_formula(client, reader):
    provider = make.make_provider(name="=HYPERLINK(1)")
    (row,) = [
        one for one in rows_of(client, "/registry/provider/csv/") if provider.slug == one["slug"]
    ]
    assert row["name"] == "'=HYPERLINK(1)" and Provider.objects.get(pk=provider.pk).name[0] == "="


@pytest.mark.skipif(connection.vendor != "sqlite", reason="Counted on SQLite.")
@pytest.mark.parametrize("label", ["registry.usecase", "registry.modelversion", "gates.promotion"])
def test_no_query_is_sent_for_a_row(client, reader, label):
    row = make_one(label)
    address = reverse(f"admin:{label.replace('.', '_')}_csv")
    counts = []
    for place in (0, 200):
        multiply(row, 200, begin=place)
        with CaptureQueriesContext(connection) as queries:
            rows_of(client, address)
        counts.append(len(queries))
    assert counts[0] == counts[1]
