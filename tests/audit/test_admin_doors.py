"""Every registered admin page, walked: no side door writes, and what is hidden is not there."""

import pytest
from django.contrib import admin
from django.contrib.contenttypes.models import ContentType
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from audit.admin import GovernedAdmin, check_registered_admins
from audit.models import Change
from registry.roles import Role
from tests import make
from tests.nouns import OWNED, REGISTERED, make_one, multiply

pytestmark = pytest.mark.django_db
every_noun = pytest.mark.parametrize("label", REGISTERED)


@pytest.fixture(scope="module")
def rows(django_db_setup, django_db_blocker):
    """One row of every noun, made once: each test is undone."""
    with django_db_blocker.unblock(), transaction.atomic():
        connection.atomic_blocks[-1]._from_testcase = True
        yield {label: make_one(label) for label in REGISTERED}
        transaction.set_rollback(True)


@pytest.fixture
def row(rows, request):
    """The row of the noun that a test is about."""
    made = rows[request.node.callspec.params["label"]]
    return type(made)._base_manager.get(pk=made.pk)


def address(row, page: str) -> str:
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_{page}", args=[row.pk])


def listed(label: str) -> str:
    return reverse(f"admin:{label.replace('.', '_')}_changelist")


def sign_in(client, *roles, team=None):
    person = make.make_person("", *roles, team=team)
    client.force_login(person)
    return person


def test_the_system_check_finds_no_admin_that_writes_past_the_verbs():
    assert check_registered_admins(None) == []


def test_the_system_check_names_an_admin_that_would(monkeypatch):
    plain = admin.ModelAdmin(ContentType, admin.site)
    monkeypatch.setitem(admin.site._registry, ContentType, plain)
    assert [(error.id, error.obj) for error in check_registered_admins(None)] == [
        ("audit.E101", ContentType),
        ("audit.E102", ContentType),
    ]


@every_noun
def test_it_is_governed_and_nothing_is_deleted_or_done_to_many(label, rf):
    model_admin = next(a for m, a in admin.site._registry.items() if m._meta.label_lower == label)
    request = rf.get("/")
    request.user = make.make_person("", Role.ADMINISTRATOR, Role.REGISTRAR)
    assert isinstance(model_admin, GovernedAdmin)
    # Many may be reminded of at once; nothing else is done to many.
    allowed = {"remind"} if label == "gates.promotion" else set()
    assert set(model_admin.get_actions(request)) == allowed
    assert not model_admin.has_delete_permission(request)


@pytest.mark.parametrize(
    "query",
    [
        {"q": "\x00"},
        {"id__in": "9" * 40},
        {"model__id__exact": "9" * 40},
        {"sealed_at__isnull": "9" * 40},
        {"sealed_at__gte": "9999-99-99"},
        {"created_at__year": "9999", "created_at__month": "12", "created_at__day": "31"},
        {"created_at__year": "9" * 40},
        {"p": "9" * 5000},
    ],
)
@pytest.mark.parametrize("label", ["registry.modelversion", "evidence.evidenceitem"])
def test_a_filter_that_no_column_can_hold_is_left_out(label, row, query, client):
    sign_in(client, Role.ADMINISTRATOR, Role.REGISTRAR, Role.AUDITOR)
    assert client.get(listed(label), query, follow=True).status_code in (200, 400)


@every_noun
def test_its_history_is_shown_and_never_written(label, row, client):
    sign_in(client, Role.ADMINISTRATOR, Role.REGISTRAR, Role.AUDITOR)
    before = Change.objects.count()
    assert client.get(address(row, "history")).status_code == 200
    for method in (client.post, client.put, client.delete, client.patch):
        assert method(address(row, "history")).status_code == 403
    assert Change.objects.count() == before


@every_noun
def test_it_is_never_deleted(label, row, client):
    sign_in(client, Role.ADMINISTRATOR, Role.REGISTRAR)
    assert client.get(address(row, "delete")).status_code == 403
    assert client.post(address(row, "delete"), {"post": "yes"}).status_code == 403
    assert type(row)._base_manager.filter(pk=row.pk).exists()


@every_noun
def test_who_holds_no_role_finds_nothing(label, row, client):
    stranger = sign_in(client)
    assert client.get(listed(label)).status_code == 200
    for page in ("change", "history", "delete"):
        assert client.get(address(row, page)).status_code == 404, page
        assert client.post(address(row, page), {"reason": "Mine."}).status_code == 404, page
    assert stranger.grants == ()


@pytest.mark.parametrize("label", OWNED)
def test_another_teams_row_is_not_there(label, row, client):
    sign_in(client, Role.REGISTRAR, team=make.make_team())
    for page in ("change", "history", "delete"):
        assert client.get(address(row, page)).status_code == 404, page
        assert client.post(address(row, page), {"reason": "Mine."}).status_code == 404, page
    kind = ContentType.objects.get_for_model(row)
    assert client.get(f"/r/{kind.pk}/{row.pk}/").status_code == 404
    assert f"/{row.pk}/change/" not in client.get(listed(label)).text
    for act in admin.site.get_model_admin(type(row)).acts:
        assert client.get(address(row, act.name)).status_code == 404
        assert client.post(address(row, act.name), {"reason": "Mine."}).status_code == 404


@every_noun
def test_a_row_that_is_not_there_is_404_and_not_a_redirect(label, client):
    app, model = label.split(".")
    sign_in(client, Role.ADMINISTRATOR, Role.REGISTRAR)
    for pk in ("0", "999999999999999999999999", "x", "%00", "_00"):
        for page in ("change", "history", "delete"):
            assert client.get(f"/{app}/{model}/{pk}/{page}/").status_code == 404, (pk, page)


@every_noun
@pytest.mark.parametrize(
    "query",
    ["q=%00", "q=%F0%9F%A6%86", "q=%ED%A0%80", "p=x", "p=99999", "o=9.-9", "all=", "e=1", "a=1"],
)
def test_a_list_survives_what_people_and_robots_ask_of_it(label, query, client):
    sign_in(client, Role.ADMINISTRATOR, Role.REGISTRAR)
    answer = client.get(f"{listed(label)}?{query}")
    assert answer.status_code in (200, 302, 400)


@every_noun
def test_a_list_costs_the_same_for_ten_rows_and_for_two_hundred(label, row, client):
    sign_in(client, Role.ADMINISTRATOR, Role.REGISTRAR, Role.AUDITOR)
    counts = []
    for begin, number in ((0, 10), (10, 190)):
        multiply(row, number, begin=begin)
        client.get(listed(label))
        with CaptureQueriesContext(connection) as queries:
            answer = client.get(listed(label))
        assert answer.status_code == 200
        assert len(answer.context_data["cl"].result_list) >= min(number, 50)
        counts.append(len(queries))
    # The story's own promotions, in every state, are on the short page alone.
    assert counts[1] <= counts[0] < 30
