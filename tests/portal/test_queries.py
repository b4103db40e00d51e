"""Pages cost as many queries for a thousand rows as for ten: lists, forms, nouns, the overview.

Rows are multiplied by plain SQL, since a verb takes its time; what is measured is only how they
are read. Lists of the API are measured in `tests/api/test_lists.py`.

How many queries are sent is decided before a database sees one, and so many rows take their time:
they are counted on SQLite alone.
"""

from collections.abc import Callable

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from audit import clock
from audit.admin.history import CHANGES_PER_PAGE
from audit.models import Entry
from evidence.models import EvaluationRun
from gates.models import Promotion
from gates.pages.timeline import SHOWN
from registry import transitions
from registry.models import ModelVersion, Person, PromptVersion
from registry.roles import Role
from runtime.incidents import transitions as incidents
from tests import make
from tests.gates.stories import Story, days, story
from tests.nouns import REGISTERED, make_one, multiply
from tests.runtime.incidents import opened

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(connection.vendor != "sqlite", reason="Counted on SQLite."),
]

FEW, MANY = 10, 1000
#: A page of a history: with fewer, the row's first change is on it too, and costs its parts.
PAGE = CHANGES_PER_PAGE


@pytest.fixture(scope="module")
def told(django_db_setup, django_db_blocker) -> Story:
    """A release in production with everything that hangs on one: approved, and asked for again."""
    with django_db_blocker.unblock(), transaction.atomic():
        connection.atomic_blocks[-1]._from_testcase = True
        told = story("production", grants=[(make.make_tool_scope(), "human_approval")])
        told.give_all()
        told.ask()
        told.approved = told.sign_all()
        told.give_run(accept=False)
        told.environment = make.make_environment(stage="production")
        told.ask()
        told.sign(told.signer(Role.REVIEWER))
        yield told
        transaction.set_rollback(True)


@pytest.fixture(scope="module")
def reader(told) -> Person:
    """Somebody who may do everything that one person may, and so is shown every button."""
    with clock.at(clock.now()):
        return make.make_person(make.name("reader"), *Role)


@pytest.fixture
def cost_the_same(client, reader):
    """Return a function that opens pages among few rows and among many, and compares."""

    def assert_it(fill: Callable[[int, int], object], *addresses: str, few: int = FEW) -> None:
        client.force_login(reader)
        asked: dict[str, list[list[str]]] = {address: [] for address in addresses}
        begin = 0
        for number in (few, MANY):
            fill(number - begin, begin)
            begin = number
            for address in addresses:
                client.get(address)  # what a process reads once is read
                with CaptureQueriesContext(connection) as queries:
                    answer = client.get(address)
                assert answer.status_code == 200, (address, answer.status_code)
                asked[address].append([query["sql"] for query in queries])
        for address, (before, after) in asked.items():
            assert len(before) == len(after), (address, "\n".join(after))

    # One minute: what is noted once a minute is not noted between two that are compared.
    with clock.at(clock.now()):
        yield assert_it


# Lists and forms of every noun


@pytest.mark.parametrize("label", [label for label in REGISTERED if label != "gates.promotion"])
def test_a_list(cost_the_same, label):
    row = make_one(label)
    address = reverse(f"admin:{label.replace('.', '_')}_changelist")
    cost_the_same(lambda number, begin: multiply(row, number, begin=begin), address)


def nouns_of(told: Story) -> dict:
    """Return one row of each noun of the story that a form may offer in a menu."""
    release = told.release
    version, prompt = release.model_version, release.prompt_links.get().prompt_version
    dataset = version.dataset_links.get().dataset_version
    return {
        "team": told.use_case.team,
        "use_case": told.use_case,
        "model": version.model,
        "version": version,
        "provider": version.maker,
        "prompt": prompt.template,
        "prompt_version": prompt,
        "dataset": dataset.dataset,
        "dataset_version": dataset,
        "region": told.endpoint.region_links.first().region,
        "suite": told.suite.suite,
        "suite_version": told.suite,
        "metric": told.suite.metrics.get(),
        "scope": release.tool_grants.get().scope,
        "person": told.requester,
        "environment": told.environment,
        "endpoint": told.endpoint,
        "release": release,
    }


@pytest.mark.parametrize(
    ("form", "offered"),
    [
        ("registry/usecase/add/", "team metric"),
        ("registry/registeredmodel/add/", "team use_case"),
        ("registry/modelversion/add/", "model provider version dataset_version"),
        ("registry/servingendpoint/add/", "version provider team region"),
        ("registry/datasetversion/add/", "dataset"),
        ("registry/promptversion/add/", "prompt"),
        ("registry/suiteversion/add/", "suite"),
        ("registry/release/add/", "use_case version prompt_version scope team"),
        ("registry/environment/add/", "region"),
        ("registry/rolegrant/add/", "person team"),
        ("registry/apitoken/add/", "person environment team"),
        ("evidence/evidenceitem/add/", "release version"),
        ("gates/promotion/add/", "release"),
    ],
)
def test_a_form_with_long_menus(cost_the_same, told, form, offered):
    rows = [nouns_of(told)[name] for name in offered.split()]

    def fill(number, begin):
        for row in rows:
            multiply(row, number, begin=begin)

    cost_the_same(fill, f"/{form}")


def test_asking_for_a_promotion_among_many_environments_and_endpoints(cost_the_same, told):
    environment = make.make_environment()

    def fill(number, begin):
        multiply(environment, number, begin=begin)
        multiply(told.endpoint, number, begin=begin)

    ask = f"/gates/promotion/add/?release={told.release.pk}"
    cost_the_same(fill, ask, f"{ask}&environment={environment.pk}")


def test_lists_and_menus_among_much_that_is_retired(cost_the_same, told):
    version, prompt = told.release.model_version, nouns_of(told)["prompt_version"]
    reason = {"actor": make.registrar(), "reason": make.WHY}
    rows = [
        (version, transitions.retire(ModelVersion, nth_copy(version).pk, **reason)),
        (prompt, transitions.deprecate(PromptVersion, nth_copy(prompt).pk, **reason)),
    ]

    def fill(number, begin):
        for row, declared in rows:
            copies = multiply(row, number, begin=begin + 1)
            named = {declared.name: nth(copies), f"successor_{declared.name}": row}
            multiply(declared, number, **named)

    cost_the_same(
        fill,
        "/registry/modelversion/?standing=retired",
        "/registry/modelversion/?standing=in_use",
        "/registry/promptversion/?standing=deprecated",
        "/registry/release/add/",
        f"/registry/modelversion/{version.pk}/retire/",
    )


def nth_copy(row):
    """Return one copy of a row."""
    (copied,) = multiply(row, 1, begin=0)
    return copied


# Pages of nouns with many rows beside them


def test_a_model_with_many_versions_and_uses(cost_the_same, told):
    version = told.release.model_version
    use = version.model.uses.get()

    def fill(number, begin):
        multiply(version, number, begin=begin)
        cases = multiply(told.use_case, number, begin=begin)
        multiply(use, number, use_case=nth(cases))

    cost_the_same(fill, version.model.get_absolute_url())


def test_the_form_of_a_model_with_many_versions(cost_the_same, told):
    version = told.release.model_version
    form = f"/registry/registeredmodel/{version.model_id}/change/"
    cost_the_same(lambda number, begin: multiply(version, number, begin=begin), form)


def test_a_version_with_many_endpoints_datasets_and_releases(cost_the_same, told):
    draft = make.transitions.new_version_from(
        told.release.model_version_id, version="draft", actor=make.registrar(), reason=make.WHY
    )
    where = told.endpoint.region_links.first()
    dataset, link = nouns_of(told)["dataset_version"], draft.dataset_links.get()

    def fill(number, begin):
        endpoints = multiply(told.endpoint, number, begin=begin, version=draft)
        multiply(where, number, endpoint=nth(endpoints))
        datasets = multiply(dataset, number, begin=begin)
        multiply(link, number, dataset_version=nth(datasets))
        multiply(told.release, number, begin=begin, model_version=draft)

    cost_the_same(fill, draft.get_absolute_url())


def test_a_prompt_with_many_versions_and_releases(cost_the_same, told):
    prompt = nouns_of(told)["prompt_version"]
    link = told.release.prompt_links.get()

    def fill(number, begin):
        multiply(prompt, number, begin=begin)
        drafts = multiply(told.release, number, begin=begin, sealed_at=None, digest="", content="")
        multiply(link, number, release=nth(drafts))

    form = f"/registry/prompttemplate/{prompt.template_id}/change/"
    cost_the_same(fill, prompt.get_absolute_url(), form)


def test_a_release_with_many_parts(cost_the_same, told):
    draft = make.transitions.new_release_from(
        told.release.pk, actor=make.registrar(), reason=make.WHY
    )
    nouns = nouns_of(told)
    prompt, grant = draft.prompt_links.get(), draft.tool_grants.get()
    objective = draft.objectives.get()

    def fill(number, begin):
        templates = multiply(nouns["prompt"], number, begin=begin)
        texts = multiply(nouns["prompt_version"], number, template=nth(templates))
        multiply(prompt, number, prompt_version=nth(texts))
        multiply(grant, number, scope=nth(multiply(nouns["scope"], number, begin=begin)))
        multiply(objective, number, begin=begin)
        multiply(told.endpoint, number, begin=begin)

    cost_the_same(fill, draft.get_absolute_url())


def nth(rows: list):
    """Return what gives the n-th copy the n-th of `rows`."""
    return lambda place: rows[place - 1]


def approvals(told: Story, number: int, **values) -> list[Promotion]:
    """Write more approvals on the package that was approved."""
    row = Promotion.objects.get(pk=told.approved.pk)
    return multiply(row, number, **{"state": row.state, "decided_at": row.decided_at, **values})


def reviews(told: Story, number: int, begin: int, **values) -> list[Promotion]:
    """Write more promotions in review, each of a release of its own and with its package."""
    row = Promotion.objects.get(pk=told.promotion.pk)
    package = row.packages.get()
    released = nth(multiply(told.release, number, begin=begin))
    asked = multiply(row, number, release=released, state=row.state, decided_at=None, **values)
    packages = multiply(package, number, promotion=nth(asked))
    for person in package.people.filter(kind="involved"):
        multiply(person, number, package=nth(packages), promotion=nth(asked))
    for link in package.evidence_links.all():
        multiply(link, number, package=nth(packages))
    return asked


def test_a_release_with_much_evidence_and_many_promotions(cost_the_same, told):
    item = told.release.evidence.filter(kind="privacy_review").get()

    def fill(number, begin):
        multiply(item, number, begin=begin)
        multiply(told.promotion, number)
        approvals(told, number)

    cost_the_same(fill, told.release.get_absolute_url())


def test_an_environment_where_much_is_allowed(cost_the_same, told):
    def fill(number, begin):
        approvals(told, number, release=nth(multiply(told.release, number, begin=begin)))

    cost_the_same(fill, told.approved.environment.get_absolute_url())


def test_an_item_with_many_runs(cost_the_same, told):
    run = EvaluationRun.objects.filter(acceptance=None).get()
    score = run.scores.get()

    def fill(number, begin):
        multiply(score, number, run=nth(multiply(run, number, begin=begin)))

    cost_the_same(fill, run.item.get_absolute_url())


def test_an_item_on_which_much_rests(cost_the_same, told):
    item = told.approved.decided_package.evidence_links.first().item

    def fill(number, begin):
        approvals(told, number)
        reviews(told, number, begin)

    cost_the_same(fill, item.get_absolute_url())


def test_a_review_with_much_evidence_many_runs_and_a_long_past(cost_the_same, told):
    item = told.release.evidence.filter(kind="privacy_review").get()
    run = EvaluationRun.objects.filter(acceptance__isnull=False).first()
    score, acceptance = run.scores.get(), run.acceptance
    package = told.promotion.packages.get()
    # Past what a timeline shows, it says how much there is besides, which is one question.
    happened(told.promotion, SHOWN, 2 * MANY)

    def fill(number, begin):
        multiply(item, number, begin=begin)
        runs = multiply(run, number, begin=begin)
        multiply(score, number, run=nth(runs))
        multiply(acceptance, number, run=nth(runs))
        multiply(package, number, begin=begin)
        happened(told.promotion, number, begin)

    page = told.promotion.get_absolute_url()
    cost_the_same(fill, page, f"{page}?view=print")


# Pages that answer questions across nouns


def test_what_rests_on_a_thing_and_what_may_run_among_many(cost_the_same, told):
    version, prompt = told.release.model_version, told.release.prompt_links.get()
    grant = told.release.tool_grants.get()

    def fill(number, begin):
        draft = {"sealed_at": None, "digest": "", "content": ""}
        made = {"base_version": version, "fine_tuning": "adapter", **draft}
        versions = multiply(version, number, begin=begin, **made)
        made_with = {"model_version": lambda place: versions[place - begin - 1]}
        sealed = multiply(told.release, number, begin=begin, **made_with)
        approvals(told, number, release=nth(sealed))
        drafts = nth(multiply(told.release, number, begin=begin + 2 * MANY, **draft))
        multiply(prompt, number, release=drafts)
        multiply(grant, number, release=drafts)

    impact = "/impact/?kind="
    cost_the_same(
        fill,
        f"{impact}provider&key={version.maker.slug}",
        f"{impact}provider&key={told.endpoint.host.slug}",
        f"{impact}model-version&key={version.pk}",
        f"{impact}prompt&key={prompt.prompt_version.template.slug}",
        f"{impact}tool&key={grant.scope.tool.slug}",
        "/may-run/?jurisdiction=EU",
        "/on-call/",
        f"{told.release.get_absolute_url()}readiness/?environment={told.environment.slug}",
    )


# The overview, search, people, histories


def test_the_overview_and_the_list_of_promotions(cost_the_same, reader, told):
    run = EvaluationRun.objects.filter(acceptance=None).get()

    def fill(number, begin):
        reviews(told, number, begin)
        reviews(told, number, begin + 2 * MANY, requested_by=reader)
        multiply(run, number, begin=begin)
        approvals(told, number, review_at=clock.now() + days(9))
        # Decided last, so that the newest that may have ended did so among few and among many.
        ended = {"review_at": clock.now() - days(9), "decided_at": clock.now()}
        approvals(told, number, **ended)

    lists = "/gates/promotion/"
    states = (f"{lists}?state__exact={state}" for state in ("approved", "in_review"))
    cost_the_same(fill, "/", "/?page=2", "/menu/", *states)


def test_incidents_and_what_hangs_on_one(cost_the_same, told):
    incident = opened(told, releases=[told.release])
    by = {"actor": told.signer(Role.OPERATOR), "reason": make.WHY}
    incidents.write(incident.pk, kind="note", text="They complain.", actor=by["actor"])
    todo = incidents.follow_up(
        incident.pk, text="Ask.", owner=by["actor"], due_on=clock.now().date(), **by
    )
    note, part, link = (
        getattr(incident, name).first() for name in ("notes", "participants", "links")
    )
    people = iter(multiply(told.requester, MANY))

    def fill(number, begin):
        multiply(incident, number, begin=begin)
        multiply(note, number, begin=begin)
        multiply(todo, number, begin=begin)
        multiply(part, number, begin=begin, person=lambda place: next(people))
        multiply(
            link, number, begin=begin, release=None, request=lambda place: f"r-{begin}-{place}"
        )

    cost_the_same(
        fill,
        "/incidents/",
        incident.get_absolute_url(),
        told.release.get_absolute_url(),
        f"/incidents/{incident.pk}/export/",
    )


def test_search(cost_the_same, told):
    rows = nouns_of(told).values()

    def fill(number, begin):
        for row in rows:
            multiply(row, number, begin=begin)

    cost_the_same(fill, "/search/?q=case", f"/search/?q={told.use_case.slug[:4]}")


def test_somebody_with_many_roles_tokens_and_open_ends(cost_the_same, told):
    person = make.make_person("", Role.REQUESTER)
    token, _ = make.make_token_row(person)
    grant = person.role_grants.get()

    def fill(number, begin):
        teams = multiply(told.use_case.team, number, begin=begin)
        multiply(grant, number, ended_at=None, team=nth(teams))
        multiply(token, number, begin=begin)
        reviews(told, number, begin, requested_by=person)

    page = f"/registry/person/{person.pk}"
    cost_the_same(fill, f"{page}/change/", f"{page}/deactivate/")


def happened(row, number: int, begin: int) -> None:
    """Write `number` more changes of a row, each with its entry and, where kept, its history."""
    entry = Entry.objects.filter(about=row.key).order_by("seq").first()
    first = 10_000_000 + begin
    changes = multiply(
        entry.change,
        number,
        number=lambda place: first + place,
        at=lambda place: entry.change.at + days(1) * (begin + place),
    )
    multiply(entry, number, seq=lambda place: first + place, change=nth(changes))
    if hasattr(row, "history"):
        multiply(row.history.first(), number, change=nth(changes))


@pytest.mark.parametrize(
    "name", ["use_case", "model", "version", "endpoint", "release", "person", "environment"]
)
def test_the_history_of_a_row_that_was_changed_often(cost_the_same, told, name):
    row = nouns_of(told)[name]
    address = reverse(f"admin:registry_{row._meta.model_name}_history", args=[row.pk])
    cost_the_same(lambda number, begin: happened(row, number, begin), address, few=PAGE)


def test_the_history_of_what_never_changes(cost_the_same, told):
    item = told.release.evidence.first()
    address = reverse("admin:evidence_evidenceitem_history", args=[item.pk])
    cost_the_same(lambda number, begin: happened(item, number, begin), address, few=PAGE)


@pytest.mark.parametrize(
    "given", ["", "?actor={actor}", "?event={event}", "?row={row}", "?from={at}"]
)
def test_the_log_of_a_thousand_entries(cost_the_same, told, given):
    entry = Entry.objects.filter(row=told.release.key).order_by("seq").first()
    given = given.format(
        actor=entry.change.actor_name,
        event=entry.event,
        row=entry.row,
        at=entry.change.at.strftime("%Y-%m-%dT%H:%M:%SZ"),
    )
    cost_the_same(lambda number, begin: happened(told.release, number, begin), f"/audit/{given}")
