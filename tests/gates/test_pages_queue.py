"""What waits for whom on the overview, and that it costs the same for ten as for hundreds."""

import re
from datetime import date

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from audit import clock
from evidence import transitions as evidence
from evidence.models import EvaluationRun, OpenRun
from evidence.open_runs import ABOUT, open_runs
from gates import endings, queue, transitions
from gates.models import LatestEnd, Promotion
from gates.notices.finding import find_changed_packages
from registry.models import Person
from registry.roles import Role
from runtime.traces import finding
from tests import make
from tests.gates.stories import WHY, approved, days, story

pytestmark = pytest.mark.django_db


def text_of(response) -> str:
    body = response.content.decode()
    return " ".join(re.sub(r"<[^>]+>", " ", body).split())


def waiting(person) -> list[str]:
    """Return what waits for somebody, with grants read afresh."""
    return [one.sentence for one in queue.waiting_for(Person.objects.get(pk=person.pk))[0]]


def ready(stage="sandbox"):
    told = story(stage)
    told.give_all()
    told.ask()
    return told


# Waiting for you


def test_a_sign_off_waits_for_whoever_holds_an_open_slot(client):
    told = ready("production")
    reviewer, risk_owner = told.signer("reviewer"), told.signer("risk_owner")
    said = f"Sign {told.release} into {told.environment}"
    assert said in waiting(reviewer)
    assert said in waiting(risk_owner)
    told.sign(reviewer)
    # Signed by the one, it waits for the other alone.
    assert said not in waiting(reviewer)
    assert said in waiting(risk_owner)
    client.force_login(risk_owner)
    words = text_of(client.get("/"))
    assert f"{said} promotion {told.promotion.pk} · asked for by {told.requester}" in words
    assert "risk owner slot" in words


def test_a_signature_that_stopped_counting_is_wanted_again():
    told = ready("production")
    reviewer = told.signer("reviewer")
    said = [f"Sign {told.release} into {told.environment}"]
    told.sign(reviewer)
    assert waiting(reviewer) == []
    told.give("safety_check", title="A newer one")
    transitions.take_in(told.promotion.pk, actor=told.requester, reason=WHY)
    find_changed_packages()
    assert waiting(reviewer) == said
    assert queue.requests_of(told.requester)[0][0].signed == "0 of 2"
    # Whoever gave what it rests on is asked no more than before.
    make.grant(told.contributor, Role.REVIEWER)
    assert waiting(told.contributor) == []
    told.sign(told.signer("risk_owner"))
    assert waiting(reviewer) == said
    told.sign(reviewer)
    assert waiting(reviewer) == []


def test_a_second_holder_of_a_filled_slot_is_not_asked():
    told = ready("production")
    other = make.make_person(make.name("other"), Role.REVIEWER, team=told.use_case.team)
    told.sign(told.signer("reviewer"))
    assert waiting(other) == []


def test_it_waits_for_nobody_who_had_a_hand_in_it():
    told = ready()
    for person in (told.requester, told.contributor, make.registrar()):
        make.grant(person, Role.REVIEWER)
        assert waiting(person) == []


def test_it_waits_for_nobody_of_another_team_or_without_the_role():
    told = ready()
    foreign = make.make_person(make.name("foreign"), Role.REVIEWER, team=make.make_team())
    viewer = make.make_person(make.name("viewer"), Role.VIEWER)
    not_wanted = make.make_person(make.name("owner"), Role.RISK_OWNER, team=told.use_case.team)
    assert waiting(foreign) == waiting(viewer) == waiting(not_wanted) == []


def test_a_role_that_ended_asks_no_more():
    from registry import transitions as registry

    told = ready()
    reviewer = told.signer("reviewer")
    assert waiting(reviewer)
    registry.end_grant(reviewer.role_grants.get().pk, actor=make.admin(), reason=WHY)
    assert waiting(reviewer) == []


def test_high_risk_in_production_waits_for_the_regulated_roles():
    told = story("production", risk_tier="high")
    told.ask()
    assert waiting(told.signer("privacy_officer")) == [
        f"Sign {told.release} into {told.environment}"
    ]


def test_drafts_and_changes_wait_for_whoever_asked():
    told = story()
    told.ask(submit=False)
    assert waiting(told.requester) == [f"Submit {told.release} into {told.environment}"]
    transitions.submit(told.promotion.pk, actor=told.requester, reason=WHY)
    assert waiting(told.requester) == []
    told.sign(told.signer("reviewer"), "request_changes")
    assert waiting(told.requester) == [
        f"Answer the changes wanted of {told.release} into {told.environment}"
    ]


def test_a_run_waits_for_a_reviewing_role_of_the_team_but_not_for_its_giver():
    told = story()
    make.grant(told.contributor, Role.REVIEWER, team=told.use_case.team)
    run = told.give_run(accept=False)
    foreign = make.make_person(make.name("foreign"), Role.REVIEWER, team=make.make_team())
    said = f"Accept run {run.pk} of {run.suite_version} on {told.release}"
    assert waiting(told.signer("reviewer")) == [said]
    assert waiting(told.contributor) == waiting(foreign) == []
    evidence.accept_run(run.pk, actor=told.signer("reviewer"), reason=WHY)
    assert waiting(told.signer("reviewer")) == []


def test_of_runs_that_measure_the_same_only_the_newest_waits():
    told = story()
    reviewer, now = told.signer("reviewer"), clock.now()
    nightly = [told.give_run(ran_at=now - days(left), accept=False) for left in (3, 2, 1)]
    other = story()
    other.use_case, other.suite = told.use_case, told.suite
    elsewhere = other.give_run(ran_at=now - days(9), accept=False)
    make.grant(reviewer, Role.REVIEWER, team=elsewhere.item.release.use_case.team)

    def runs() -> set[int]:
        return runs_waiting_for(reviewer)

    assert runs() == {nightly[2].pk, elsewhere.pk}
    # Gone, it stands in the way of none.
    evidence.withdraw(nightly[2].item_id, actor=told.contributor, reason=WHY)
    assert runs() == {nightly[1].pk, elsewhere.pk}
    evidence.accept_run(nightly[1].pk, actor=reviewer, reason=WHY)
    assert runs() == {elsewhere.pk}
    # What somebody measured in part does not stand for what was measured in full.
    told.give_run(ran_at=now, accept=False, run={"completeness": "partial"})
    late = told.give_run(ran_at=now - days(1) / 2, accept=False)
    assert runs() == {elsewhere.pk, late.pk}


def runs_waiting_for(person) -> set[int]:
    return {int(said.split()[2]) for said in waiting(person) if said.startswith("Accept")}


def test_a_run_waits_however_many_newer_ones_others_have_to_accept(monkeypatch):
    monkeypatch.setattr("gates.accepting.LOOKED_AT", 2, raising=False)
    told = story()
    run = told.give_run(accept=False)
    for _ in range(3):
        story().give_run(accept=False)
    assert runs_waiting_for(told.signer("reviewer")) == {run.pk}


def test_a_run_of_the_readers_own_hides_none_that_they_may_accept():
    told, now = story(), clock.now()
    reviewer = told.signer("reviewer")
    older = told.give_run(ran_at=now - days(2), accept=False)
    make.grant(reviewer, Role.EVIDENCE_CONTRIBUTOR, team=told.use_case.team)
    own = told.give_run(ran_at=now - days(1), accept=False, actor=reviewer)
    second = make.make_person(make.name("second"), Role.REVIEWER, team=told.use_case.team)
    assert runs_waiting_for(reviewer) == {older.pk}
    assert runs_waiting_for(second) == {own.pk}
    evidence.accept_run(own.pk, actor=second, reason=WHY)
    assert runs_waiting_for(reviewer) == runs_waiting_for(second) == set()
    evidence.withdraw(own.item_id, actor=reviewer, reason=WHY)
    assert runs_waiting_for(reviewer) == runs_waiting_for(second) == {older.pk}


def test_a_run_waits_behind_a_newer_one_only_if_that_holds_as_long():
    told, now = story(), clock.now()
    reviewer = told.signer("reviewer")
    older = told.give_run(ran_at=now - days(2), accept=False)
    short = told.give_run(ran_at=now - days(1), accept=False, expires_at=now + days(5))
    assert runs_waiting_for(reviewer) == {older.pk, short.pk}
    with clock.at(now + days(6)):
        assert runs_waiting_for(reviewer) == {older.pk}


def test_runs_of_one_instant_wait_one_at_a_time():
    """Of two that ran at once the later row counts: so it waits."""
    told, now = story(), clock.now()
    first = told.give_run(ran_at=now - days(1), accept=False)
    last = told.give_run(ran_at=now - days(1), accept=False)
    assert first.pk < last.pk
    assert runs_waiting_for(told.signer("reviewer")) == {last.pk}


def test_what_is_kept_of_open_runs_can_be_made_anew():
    told, now = story(), clock.now()
    for left in (3, 2, 1):
        told.give_run(ran_at=now - days(left), accept=False)
    other = told.give_run(accept=False, verdict="fail", run={"completeness": "partial"})
    kept = list(OpenRun.objects.order_by("pk").values())
    assert [row["run_id"] for row in kept] == [other.pk - 1, other.pk]
    rows = EvaluationRun._base_manager.order_by().values_list("suite_version", *ABOUT).distinct()
    made = [row for of in rows for row in open_runs(EvaluationRun, OpenRun, of, now)]
    assert sorted(vars(row)["run_id"] for row in made) == [row["run_id"] for row in kept]


def test_the_side_of_a_page_counts_again_only_after_a_change(client):
    told = ready()
    reviewer = told.signer("reviewer")
    page = told.release.get_absolute_url()
    client.force_login(reviewer)

    def asked() -> int:
        with CaptureQueriesContext(connection) as queries:
            said = text_of(client.get(page))
        assert re.search(r"Overview 1 waiting for you", said)
        return len(queries)

    first, again = asked(), asked()
    assert again < first - 10
    make.make_team()
    assert asked() == first
    with clock.at(clock.now() + days(1) / 720):
        assert asked() == first


def test_the_oldest_is_first_and_a_near_date_is_amber(client):
    mona = make.make_person(make.name("mona"), Role.REVIEWER)
    now = clock.now()
    with clock.at(now - days(3)):
        young = story()
    with clock.at(now - days(9)):
        old = ready()
    with clock.at(now - days(2)):
        young.promotion = transitions.request(
            release=young.release,
            environment=young.environment,
            endpoints=[young.endpoint],
            purpose="Soon.",
            wanted_by=(now + days(1)).date(),
            actor=young.requester,
            reason=WHY,
        )
        transitions.submit(young.promotion.pk, actor=young.requester, reason=WHY)
    with clock.at(now):
        rows = queue.waiting_for(mona)[0]
        client.force_login(mona)
        body = client.get("/").content.decode()
    assert [row.sentence for row in rows] == [
        f"Sign {old.release} into {old.environment}",
        f"Sign {young.release} into {young.environment}",
    ]
    assert isinstance(rows[1].due, date)
    due = body[body.index(rows[1].sentence) :]
    assert re.search(r'status-stale">.*?tomorrow', due, re.DOTALL)


def test_the_queue_has_pages(client, monkeypatch):
    monkeypatch.setattr(queue, "PAGE", 2)
    mona = make.make_person(make.name("mona"), Role.REVIEWER)
    told = [ready() for _ in range(3)]
    client.force_login(mona)
    first, second = text_of(client.get("/")), text_of(client.get("/?page=2"))
    assert "3, oldest first" in first
    assert "Page 1 of 2" in first
    assert f"Sign {told[0].release} into" in first
    assert f"Sign {told[2].release} into" not in first
    assert f"Sign {told[2].release} into" in second
    for odd in ("x", "-1", "0", "99999999999999999999", "²"):
        assert client.get("/", {"page": odd}).status_code == 200


def test_counts_never_tell_of_other_teams(client):
    told, foreign = ready(), ready()
    viewer = make.make_person(make.name("viewer"), Role.VIEWER, team=told.use_case.team)
    client.force_login(viewer)
    body = client.get("/").content.decode()
    assert "1 waits in your teams" in " ".join(re.sub(r"<[^>]+>", " ", body).split())
    assert str(foreign.release) not in body
    assert queue.in_review(viewer) == 1


# Your requests, and what ends


def test_your_requests_say_where_they_stand_and_who_is_next(client):
    told = ready("production")
    told.sign(told.signer("reviewer"))
    told.signer("risk_owner")
    client.force_login(told.requester)
    words = text_of(client.get("/"))
    assert "Your requests 1 open" in words
    assert f"In review 1 of 2 {told.signer('risk_owner').username}: sign as risk owner" in words


def test_what_ends_within_thirty_days_is_told_with_its_cause(client):
    told = story()
    told.give("data_boundary")
    told.give("safety_check", expires_at=clock.now() + days(20))
    told.ask()
    told.sign_all()
    client.force_login(told.requester)
    words = text_of(client.get("/"))
    assert "Ending in 30 days 1 approval" in words
    said = f"The evidence “Safety check of {told.release}”: Expires in 20 days"
    assert said in words
    assert endings.ending_soon(told.requester)[0][0].environment == told.environment.slug


def test_where_more_ends_than_is_listed_the_list_says_so(client, monkeypatch):
    monkeypatch.setattr(endings, "CANDIDATES", 1)
    for _ in range(2):
        told = story()
        told.give("data_boundary")
        told.give("safety_check", expires_at=clock.now() + days(20))
        told.ask()
        told.sign_all()
    client.force_login(make.make_person(make.name("auditor"), Role.AUDITOR))
    response = client.get("/")
    assert "Ending in 30 days the first 1 approval" in text_of(response)
    assert 'href="/may-run/">All that may run' in response.content.decode()


def test_nothing_ends_soon_but_the_next_is_named(client):
    told = approved()
    client.force_login(told.requester)
    words = text_of(client.get("/"))
    assert f"No approval ends in the next 30 days; the next is {told.release} on" in words


@pytest.mark.parametrize("how", ["withdrawn", "expired", "failing run"])
def test_an_approval_that_ended_is_an_alert_until_it_is_replaced(how):
    told = story("production")
    short = {"expires_at": clock.now() + days(10)}
    for kind in ("data_boundary", "privacy_review", "rollback_plan", "operational_readiness"):
        told.give(kind)
    safety = told.give("safety_check", **(short if how == "expired" else {}))
    told.give_run()
    told.ask()
    told.sign_all()
    assert endings.ended_lately(told.requester) == []
    now = clock.now()
    if how == "withdrawn":
        evidence.withdraw(safety.pk, actor=told.contributor, reason=WHY)
    elif how == "failing run":
        told.give_run("0.5")
    else:
        now += days(11)
    with clock.at(max(now, clock.now())):
        (end,) = endings.ended_lately(told.requester)
        assert (end.title, end.url) == (str(told.release), told.promotion.get_absolute_url())
        if how == "failing run":
            told.give_run("0.99")
        else:
            told.give("safety_check", title="Newer safety check")
        told.ask()
        told.sign_all()
        assert endings.ended_lately(told.requester) == []


def test_an_alert_is_gone_after_thirty_days_and_hidden_from_other_teams():
    told = approved()
    item = told.release.evidence.filter(kind="safety_check").get()
    evidence.withdraw(item.pk, actor=told.contributor, reason=WHY)
    foreign = make.make_person(make.name("foreign"), Role.VIEWER, team=make.make_team())
    assert endings.ended_lately(foreign) == []
    assert len(endings.ended_lately(told.requester)) == 1
    with clock.at(clock.now() + days(31)):
        assert endings.ended_lately(told.requester) == []


def test_where_more_ended_than_is_listed_the_overview_says_so_and_the_rest_has_pages(
    client, monkeypatch
):
    monkeypatch.setattr(endings, "CANDIDATES", 2)
    monkeypatch.setattr(endings, "PAGE", 2)
    told = [approved() for _ in range(3)]
    auditor = make.make_person(make.name("auditor"), Role.AUDITOR)
    client.force_login(auditor)
    for one in told:
        assert "See all of them" not in text_of(client.get("/"))
        item = one.release.evidence.filter(kind="safety_check").get()
        evidence.withdraw(item.pk, actor=one.contributor, reason=WHY)
    words = text_of(client.get("/"))
    assert "2 of about 3 approvals that ended in 30 days. See all of them" in words
    pages = [text_of(client.get("/ended/", {"page": page})) for page in (1, 2)]
    assert "3 approvals, page 1 of 2" in pages[0]
    for one in told:
        assert sum(str(one.release) in page for page in pages) == 1
    assert "Others may have ended too" not in pages[0] + words
    client.force_login(make.make_person(make.name("foreign"), Role.VIEWER, team=make.make_team()))
    assert "No approval that you may see ended" in text_of(client.get("/ended/"))


@pytest.mark.parametrize("source", ["withdrawn", "revoked", "overdue", "accepted", "expired"])
def test_where_one_source_has_more_than_is_read_pages_and_files_say_so(client, monkeypatch, source):
    """Each of the two ended in the same way; only one row of each source is read."""

    def file() -> str:
        return b"".join(client.get("/ended.csv")).decode()

    now = clock.now()
    later = days(31 if source == "overdue" else 0)
    for _ in range(2):
        told = story() if source == "overdue" else approved()
        if source == "withdrawn":
            item = told.release.evidence.filter(kind="safety_check").get()
            evidence.withdraw(item.pk, actor=told.contributor, reason=WHY)
        elif source == "revoked":
            owner = told.signer("risk_owner")
            transitions.revoke(told.promotion.pk, password=make.PASSWORD, actor=owner, reason=WHY)
        elif source == "overdue":
            told.give_all()
            told.approve_on_condition()
        elif source == "accepted":
            told.give_run("0.1")
    if source == "expired":
        later = max(LatestEnd.objects.values_list("ends_by", flat=True)) - now + days(1)
    client.force_login(make.make_person(make.name("auditor"), Role.AUDITOR))
    with clock.at(now + later if later else clock.now()):
        assert "Others may have ended too" not in text_of(client.get("/ended/"))
        assert "Others may" not in file()
        monkeypatch.setattr(endings, "LOOKED_AT", 1)
        assert "Others may have ended too" in text_of(client.get("/ended/"))
        assert "Others may" in file()
        # The first page looks for its own few of what ran out, and here lists both.
        assert ("Others may have ended too" in text_of(client.get("/"))) == (source != "expired")


# What it costs


def cost(client, person, address) -> int:
    client.force_login(person)
    with CaptureQueriesContext(connection) as queries:
        assert client.get(address, follow=True).status_code == 200
    return len(queries)


def test_pages_cost_the_same_for_ten_promotions_and_for_sixty(client):
    """A fifth of them is approved, the others wait; one release, so that making them is quick."""
    mona = make.make_person(make.name("mona"), Role.REVIEWER)
    told = story()
    told.give_all()
    told.give_run(accept=False)
    item = told.release.evidence.first()
    region = make.make_region()

    def more(count: int) -> None:
        for number in range(count):
            told.environment = make.make_environment(regions=[region])
            told.ask()
            if number % 5 == 0:
                told.sign(mona)

    more(10)
    one = told.environment
    pages = (
        "/",
        "/gates/promotion/",
        "/gates/promotion/?state__exact=approved",
        f"/promotions/ask/?release={told.release.pk}",
        told.release.get_absolute_url(),
        one.get_absolute_url(),
        item.get_absolute_url(),
    )
    reviewer = told.signer("reviewer")
    asked = [(who, page) for who in (mona, reviewer, told.requester) for page in pages]
    asked = [(who, page) for who, page in asked if who == told.requester or "ask" not in page]
    before = [cost(client, who, page) for who, page in asked]
    more(50)  # more than a page of the list
    assert Promotion.objects.count() == 60
    assert [cost(client, who, page) for who, page in asked] == before


def test_the_overview_costs_the_same_however_many_releases_and_alerts_there_are(client):
    mona = make.make_person(make.name("mona"), Role.REVIEWER, Role.REQUESTER, Role.RISK_OWNER)

    def more() -> None:
        signed = ready("production")
        signed.sign(signed.signer("reviewer"))
        signed.give_run(accept=False)
        gone = approved()
        item = gone.release.evidence.filter(kind="safety_check").get()
        evidence.withdraw(item.pk, actor=gone.contributor, reason=WHY)
        draft = story()
        transitions.request(
            release=draft.release,
            environment=draft.environment,
            endpoints=[draft.endpoint],
            purpose="Mine.",
            actor=mona,
            reason=WHY,
        )

    more()
    before = [cost(client, mona, page) for page in ("/", "/gates/promotion/")]
    for _ in range(3):
        more()
    assert [cost(client, mona, page) for page in ("/", "/gates/promotion/")] == before


def test_alerts_of_which_not_all_are_listed_lead_to_the_rest(client, monkeypatch):
    client.force_login(make.make_person(make.name("auditor"), Role.AUDITOR))
    page = client.get("/").content.decode()
    assert "are listed here" not in page
    row = (make.make_environment().slug, 3, 1, 1, clock.now())
    told = [finding.Outside(*row)] * finding.TOLD
    monkeypatch.setattr("portal.overview.outside.lately", lambda user: told[1:])
    assert "are listed here" not in text_of(client.get("/"))
    monkeypatch.setattr("portal.overview.outside.lately", lambda user: told)
    page = client.get("/")
    said = "At most 5 environments with calls outside the registry are listed here. See all"
    assert said in text_of(page)
    assert '<a href="/outside/">See all of them</a>' in page.content.decode()
    assert client.get("/outside/").status_code == 200
