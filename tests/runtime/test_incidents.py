"""Incidents from opening to review: rules, verbs, what is computed, pages, API and archive."""

import io
import json
import re
import subprocess
import zipfile
from datetime import date, timedelta
from urllib.parse import quote

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client

from audit import Conflict, Refused, clock
from audit.instants import read_instant
from audit.models import Entry
from audit.refusals import NotAllowed
from audit.rules import digest
from audit.verifying import verify
from gates import transitions as gates
from gates.models import Notice
from registry.roles import Role
from runtime import transitions as running_verbs
from runtime.incidents import rules, transitions
from runtime.incidents.exporting import export
from runtime.incidents.reading import find
from runtime.models import FollowUp, Incident, IncidentLink, Rollback
from tests import make
from tests.runtime.incidents import opened, reviewer
from tests.runtime.recording import Reporting
from tests.runtime.stories import next_release, operator, place, running

pytestmark = pytest.mark.django_db


@pytest.fixture
def told():
    return running()


@pytest.fixture
def router(told):
    return Reporting(told.environment)


def signed_in(person) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(person)
    return client


def api(person, path: str):
    headers = {"Authorization": f"Bearer {make.make_token(person)}"}
    return Client(raise_request_exception=False).get(f"/api/v1/{path}", headers=headers)


def stepped(incident, verb, actor, **values):
    return transitions.step(incident.pk, verb, actor=actor, reason="So it is.", **values)


# Rules, without a database


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("", True),
        ("https://tickets.example.com/OPS-1?a=b#c", True),
        ("http://tickets.example.com/1", False),
        ("javascript:alert(1)", False),
        ("https://", False),
        ("//tickets.example.com", False),
        ("https://ann:secret@tickets.example.com/", False),
        ("https://tickets.example.com/a b", False),
        ("https://tickets.example.com\\@elsewhere", False),
        ("https://[", False),
        ("https://host:99999999/", False),
        ("https://tickets.example.com/\n", False),
        ("https://t.example.com/" + 500 * "a", False),
    ],
)
def test_a_ticket_is_an_address_that_is_safe_to_click(text, good):
    assert (rules.ticket_problem(text) == "") is good


def test_steps_go_one_way_and_say_why_not():
    objections = rules.step_objections
    assert not objections("mitigate", rules.Facts("open"), person=1)
    codes = [one.code for one in objections("review", rules.Facts("open"), person=1)]
    assert codes == ["NOT_NOW", "MISSING"]
    facts = rules.Facts("resolved", resolved_by=1)
    assert [one.code for one in objections("review", facts, person=1, trigger="x")] == ["ONESELF"]
    assert not objections("review", facts, person=2, trigger="x")
    facts = rules.Facts("open", unreviewed=1)
    assert [one.code for one in objections("resolve", facts, person=1)] == ["EMERGENCY_UNREVIEWED"]
    for state in ("open", "mitigated", "resolved", "reviewed"):
        for verb, (begins, _) in rules.STEPS.items():
            assert rules.open_to(state, verb) is (state in begins)


def test_a_window_only_grows():
    now = clock.now()
    hours = [now - timedelta(hours=one) for one in range(6)]
    assert not rules.window_problems(hours[4], None, hours[2], now)
    codes = [one.code for one in rules.window_problems(hours[2], hours[4], hours[5], now)]
    assert codes == ["BACKWARDS", "BACKWARDS"]
    later = now + timedelta(hours=1)
    assert {one.field for one in rules.window_problems(hours[4], later, later, now)} == {
        "ends_at",
        "detected_at",
    }
    before = (hours[4], hours[1])
    assert not rules.window_problems(hours[5], now, hours[2], now, before)
    narrower = rules.window_problems(hours[3], hours[2], hours[2], now, before)
    assert [(one.code, one.field) for one in narrower] == [
        ("NARROWER", "begins_at"),
        ("NARROWER", "ends_at"),
    ]


def test_figures_count_from_the_first_affected_request():
    now = clock.now()
    found = rules.figures(now, now + timedelta(hours=2), now + timedelta(hours=3))
    assert (found.to_detect, found.to_mitigate) == (timedelta(hours=2), timedelta(hours=3))
    assert rules.figures(None, now, now) == rules.Figures(None, None)
    assert rules.figures(now, now - timedelta(hours=1), None) == rules.Figures(timedelta(0), None)
    assert rules.took_words(timedelta(hours=3, minutes=40, seconds=5)) == "3 h 40 min"
    assert [rules.number_of(text) for text in ("12", "#12", "Incident 12", "INC-12", "")] == [
        *(12, 12, 12),
        None,
        None,
    ]


# Verbs


def test_an_incident_is_opened_ended_and_reviewed_by_two_people(told, router):
    route = router.route(told.use_case.slug)
    router.outcomes(route, router.outcome(route))
    incident = opened(told, releases=[told.release], requests=[route["request"]])
    assert incident.owner == (told.release.on_call_team or told.use_case.team)
    found = find(incident, operator(told))
    assert (found.affected.count, found.held) == (1, 2)
    assert found.figures.to_detect is not None and found.figures.to_mitigate is None

    ops, rev = operator(told), reviewer(told)
    stepped(incident, "mitigate", ops)
    done = stepped(incident, "resolve", ops)
    assert done.ends_at is not None and done.mitigated_at is not None
    with pytest.raises(NotAllowed):
        stepped(incident, "review", ops, trigger="A prompt.")
    with pytest.raises(Refused, match="what set it off"):
        stepped(incident, "review", rev)
    done = stepped(incident, "review", rev, trigger="A prompt.", learnt="Read them twice.")
    assert (done.state, done.holds) == ("reviewed", False)
    with pytest.raises(Conflict, match="stays as it is"):
        transitions.write(incident.pk, kind="note", text="Late.", actor=rev)
    events = list(Entry.objects.filter(about=incident.key).values_list("event", flat=True))
    assert events == [
        *("incident.opened", "incident.linked", "incident.linked", "incident.joined"),
        *("incident.mitigated", "incident.resolved", "incident.reviewed"),
    ]
    assert [
        row.state for row in Incident.history.filter(id=incident.pk).order_by("history_id")
    ] == [*("open", "mitigated", "resolved", "reviewed")]


def test_nobody_reviews_what_they_resolved_even_in_plain_sql(told):
    incident, rev = opened(told), reviewer(told)
    stepped(incident, "resolve", rev)
    with pytest.raises(Refused, match="yourself"):
        stepped(incident, "review", rev, trigger="A prompt.")
    with pytest.raises(IntegrityError, match="incident_reviewed_by_somebody_else"):
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                "UPDATE runtime_incident SET state = 'reviewed', trigger = 'x', "
                "reviewed_at = resolved_at, reviewed_by_id = resolved_by_id WHERE id = %s",
                [incident.pk],
            )


def test_what_is_wrong_with_an_incident_is_said_all_at_once(told):
    other = make.make_release()
    now = clock.now()
    with pytest.raises(Refused) as refused:
        opened(
            told,
            ticket="http://x",
            begins_at=now,
            ends_at=now - timedelta(hours=1),
            releases=[other],
            requests=["nothing-like-it"],
        )
    assert {one.field for one in refused.value.reasons} >= {
        *("ticket", "ends_at", "release", "request")
    }
    with pytest.raises(Refused):
        opened(told, use_case=None, environment=None, owner=told.use_case.team)
    assert not Incident.objects.exists()


def test_what_is_done_for_an_incident_is_linked_both_ways(told):
    incident, ops = opened(told, releases=[told.release]), operator(told)
    by = {"password": make.PASSWORD, "reason": "It answers strangely."}
    suspension = running_verbs.suspend(
        told.endpoint, environment=told.environment, incident=f"#{incident.pk}", actor=ops, **by
    )
    owner = told.signer(Role.RISK_OWNER)
    revocation = gates.revoke(
        told.promotion.pk, actor=owner, incident=f"incident {incident.pk}", **by
    )
    assert suspension.incident_link.incident == revocation.incident_link.incident == incident
    found = find(incident, ops)
    assert [one.kind for one in found.acts] == ["suspension", "revocation"]
    # Mitigated counts from the first thing that was done.
    assert stepped(incident, "mitigate", ops).mitigated_at == suspension.suspended_at
    # A text that names none of ours stays a text.
    other = running_verbs.suspend(
        told.release, environment=told.environment, incident="OPS-12", actor=ops, **by
    )
    assert not IncidentLink.objects.filter(suspension=other).exists()


def test_an_emergency_that_nobody_reviewed_keeps_its_incident_from_being_resolved(told):
    incident, ops = opened(told), operator(told)
    after = next_release(told)
    place(after, actor=ops, priority=1)
    number = told.environment.activations.order_by("-generation")[1].generation
    running_verbs.roll_back(
        told.environment,
        number,
        incident=str(incident.pk),
        password=make.PASSWORD,
        actor=ops,
        reason="It answers strangely.",
    )
    rollback = Rollback.objects.get()
    assert rollback.incident_link.incident == incident
    with pytest.raises(Refused, match="emergency"):
        stepped(incident, "resolve", ops)
    running_verbs.review_rollback(
        rollback.pk, outcome="justified", actor=reviewer(told), reason="It was."
    )
    assert stepped(incident, "resolve", ops).state == "resolved"
    page = signed_in(ops).get(rollback.get_absolute_url()).content.decode()
    assert incident.get_absolute_url() in page


def test_nothing_more_is_done_for_an_incident_that_is_reviewed(told):
    incident, ops = opened(told), operator(told)
    stepped(incident, "resolve", ops)
    stepped(incident, "review", reviewer(told), trigger="A prompt.")
    with pytest.raises(Refused, match="Open another"):
        running_verbs.suspend(
            told.release,
            environment=None,
            incident=str(incident.pk),
            password=make.PASSWORD,
            actor=ops,
            reason="Again.",
        )


def test_a_follow_up_waits_for_whoever_owns_it(told):
    incident, ops = opened(told), operator(told)
    owner = make.make_person(make.name("owner"), Role.REGISTRAR, team=told.use_case.team)
    row = transitions.follow_up(
        incident.pk,
        text="Ask for a second reader.",
        owner=owner,
        due_on=clock.now().date() + timedelta(days=3),
        actor=ops,
        reason="So that it does not come again.",
    )
    page = signed_in(owner).get("/").content.decode()
    assert "Ask for a second reader." in page and row.get_absolute_url() in page
    stranger = make.make_person(make.name("stranger"), Role.REGISTRAR, team=told.use_case.team)
    with pytest.raises(NotAllowed):
        transitions.finish_follow_up(row.pk, actor=stranger, reason="Done.")
    assert transitions.finish_follow_up(row.pk, actor=owner, reason="They read.").done_by == owner
    with pytest.raises(Conflict):
        transitions.finish_follow_up(row.pk, actor=owner, reason="Again.")
    assert "Ask for a second reader." not in signed_in(owner).get("/").content.decode()
    with pytest.raises(Refused, match="past"):
        transitions.follow_up(
            incident.pk, text="x", owner=owner, due_on=date(2020, 1, 1), actor=ops, reason="x"
        )
    assert FollowUp.objects.count() == 1


def test_people_and_systems_are_told(told):
    incident, ops = opened(told), operator(told)
    mate = make.make_person(make.name("mate"), Role.VIEWER, team=told.use_case.team)
    transitions.join(incident.pk, person=mate, actor=ops, reason="They know the prompt.")
    stepped(incident, "mitigate", ops)
    kinds = list(Notice.objects.order_by("created_at").values_list("kind", flat=True))
    assert kinds[-2:] == ["incident.opened", "incident.moved"]
    assert "runtime.activated" in kinds
    moved = Notice.objects.get(kind="incident.moved")
    assert moved.facts["people"] == sorted([ops.pk, mate.pk])
    assert moved.facts["path"] == incident.get_absolute_url()
    stranger = make.make_person(make.name("stranger"), Role.VIEWER, team=make.make_team())
    with pytest.raises(Refused, match="may not see"):
        transitions.join(incident.pk, person=stranger, actor=ops, reason="They know.")


# Pages and API


def test_pages_and_api_say_the_same(told, router):
    route = router.route(told.use_case.slug)
    router.outcomes(route, router.outcome(route, status="failed", failure="Wrong"))
    ops = operator(told)
    client = signed_in(ops)
    digest_, request = told.release.digest, route["request"]
    form = client.get(f"/incidents/open/?release={digest_}&request_id={request}")
    assert form.status_code == 200 and request in form.content.decode()
    answer = client.post(
        "/incidents/open/",
        {
            "title": "Answers promise payouts",
            "severity": "2",
            "release": digest_,
            "environment": told.environment.slug,
            "request_id": request,
            "begins_at": (clock.now() - timedelta(hours=2)).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "detected_at": clock.now().strftime("%Y-%m-%dT%H:%M:%SZ"),
            "ticket": "https://tickets.example.com/1",
            "reason": "Nine complaints.",
        },
    )
    assert answer.status_code == 302, answer.content.decode()
    incident = Incident.objects.get()
    assert incident.environment == told.environment
    page = client.get(answer["Location"])
    text = page.content.decode()
    assert page.status_code == 200
    for word in ("Answers promise payouts", "The linked request was served by", 'rel="noopener'):
        assert word in text, word
    said = api(ops, f"incidents/{incident.pk}/").json()
    assert said["affected"]["requests"] == 1 and said["records_held"] == 2
    assert said["releases"] == [digest_] and said["requests"] == [request]
    (line,) = api(ops, "incidents/?state=open").json()["results"]
    assert line["title"] == "Answers promise payouts"
    assert "Answers promise payouts" in client.get("/incidents/").content.decode()

    stranger = make.make_person(make.name("stranger"), Role.AUDITOR, team=make.make_team())
    for path in ("", "export/", "note/"):
        assert signed_in(stranger).get(f"/incidents/{incident.pk}/{path}").status_code == 404
    assert api(stranger, f"incidents/{incident.pk}/").status_code == 404
    assert api(stranger, "incidents/").json()["results"] == []


@pytest.mark.parametrize(
    ("verb", "given", "status"),
    [
        ("note", {"kind": "decision", "text": "Roll back first."}, 302),
        ("note", {"kind": "note", "text": ""}, 422),
        ("link", {"request_id": "", "release": "", "reason": "x"}, 422),
        ("amend", {"reason": "x"}, 422),
        ("mitigate", {"reason": "It stopped."}, 302),
        ("resolve", {"reason": "It is over."}, 302),
        ("reopen", {"reason": "Not yet."}, 409),
        ("review", {"reason": "Seen.", "trigger": "A prompt."}, 403),
        ("nothing", {}, 404),
    ],
)
def test_each_verb_has_a_page_that_asks(told, verb, given, status):
    incident = opened(told)
    client = signed_in(operator(told))
    assert client.get(f"/incidents/{incident.pk}/{verb}/").status_code in (200, 403, 404)
    answer = client.post(f"/incidents/{incident.pk}/{verb}/", given)
    assert answer.status_code == status, answer.content.decode()


# The archive


def test_the_archive_is_the_same_twice_and_verified_without_us(told, router, tmp_path):
    routes = [router.route(told.use_case.slug) for _ in range(3)]
    router.outcomes(*routes, *(router.outcome(one) for one in routes))
    incident = opened(told, releases=[told.release])
    auditor = make.make_person(make.name("auditor"), Role.AUDITOR)
    with clock.at(clock.now()):
        first, second = (b"".join(export(incident, auditor).sent()) for _ in range(2))
    assert first == second
    with zipfile.ZipFile(io.BytesIO(first)) as archive:
        archive.extractall(tmp_path)
        names = archive.namelist()
    checked = subprocess.run(
        ["sha256sum", "--strict", "-c", "SHA256SUMS"], cwd=tmp_path, capture_output=True, text=True
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert len(checked.stdout.splitlines()) == len(names) - 1
    # What has a digest of its own is there as the bytes under it.
    for folder in ("snapshots", "packages", "releases"):
        files = list((tmp_path / folder).iterdir())
        assert files, folder
        for file in files:
            assert digest(file.read_bytes()) == f"sha256:{file.stem}"
    records = [json.loads(line) for line in (tmp_path / "records.ndjson").open()]
    batches = json.loads((tmp_path / "batches.json").read_text())
    leaves = {pk: leaf for one in batches["batches"] for pk, leaf in one["leaves"]}
    assert len(records) == 6 == batches["records_held"]
    assert all(leaves[one["id"]] == one["leaf"] for one in records)
    assert json.loads((tmp_path / "evidence.json").read_text())["items"]
    assert json.loads((tmp_path / "signatures.json").read_text())
    (tmp_path / "incident.json").write_text("{}")
    tampered = subprocess.run(["sha256sum", "-c", "SHA256SUMS"], cwd=tmp_path, capture_output=True)
    assert tampered.returncode == 1


def test_the_record_stays_clean(told, router):
    router.outcomes(router.route(told.use_case.slug))
    incident = opened(told, releases=[told.release])
    transitions.write(incident.pk, kind="decision", text="Roll back.", actor=operator(told))
    stepped(incident, "resolve", operator(told))
    assert verify("record").found == []


# The box in the header, and that of the list


@pytest.mark.parametrize("text", ["incident {pk}", "#{pk}", "promise pay", "OPS-2291", "ops 2291"])
def test_an_incident_is_found_by_number_title_or_ticket(told, text):
    ticket = "https://tickets.example.com/OPS-2291"
    incident = opened(told, title="Answers promise payouts", ticket=ticket)
    other = opened(told, title="Something else")
    question = text.format(pk=incident.pk)
    ops = operator(told)
    [group] = [
        one
        for one in api(ops, f"search/?q={quote(question)}").json()["groups"]
        if one["noun"] == "incident"
    ]
    assert [one["page"] for one in group["results"]] == [incident.get_absolute_url()]
    assert "Answers promise payouts" in group["results"][0]["note"]
    client = signed_in(ops)
    page = client.get("/search/", {"q": question}).content.decode()
    assert f'href="{incident.get_absolute_url()}"' in page
    listed = client.get("/incidents/", {"q": question}).content.decode()
    assert incident.title in listed and other.title not in listed
    # Nobody finds what they may not see.
    stranger = make.make_person(make.name("stranger"), Role.AUDITOR, team=make.make_team())
    found = api(stranger, f"search/?q={quote(question)}").json()["groups"]
    assert "incident" not in [one["noun"] for one in found]
    assert incident.title not in signed_in(stranger).get("/incidents/?q=promise").content.decode()


def test_what_an_incident_is_found_by_follows_its_change(told):
    incident = opened(told)
    ops = operator(told)
    now = clock.now()
    transitions.widen(
        incident.pk,
        begins_at=incident.begins_at,
        ends_at=None,
        detected_at=now,
        severity=1,
        ticket="https://tickets.example.com/CASE-77",
        actor=ops,
        reason="The ticket was opened.",
    )
    found = api(ops, "search/?q=case-77").json()["groups"]
    assert [one["noun"] for one in found] == ["incident"]
    client = signed_in(ops)
    assert incident.title in client.get("/incidents.csv?q=case-77").getvalue().decode()
    assert incident.title not in client.get("/incidents.csv?q=case-78").getvalue().decode()


# Who is on call, and sees the incident, but not what belongs to the team of the use case


def test_being_on_call_gives_no_sight_of_requests_and_the_page_says_so(told, router):
    routes = [router.route(told.use_case.slug) for _ in range(2)]
    router.outcomes(*routes, router.outcome(routes[0]))
    on_call = make.make_team()
    caller = make.make_person(make.name("caller"), Role.OPERATOR, team=on_call)
    linked = routes[0]["request"]
    incident = opened(told, owner=on_call, releases=[told.release], requests=[linked])
    client = signed_in(caller)
    page = client.get(incident.get_absolute_url()).content.decode()
    said = api(caller, f"incidents/{incident.pk}/").json()
    assert said["affected"] == {"requests": 0, "first_at": None, "last_at": None, "hidden": 2}
    assert (said["records_held"], said["records_held_hidden"]) == (0, 3)
    assert said["requests"] == said["releases"] == [] and said["hidden"] == 2
    assert linked not in page and told.release.digest not in page
    for words in ("2 that you may not see", "and 3 that you may not see", "gives no sight of"):
        assert words in page, words
    assert client.get(f"/requests/{linked}/").status_code == 404
    # An environment alone, opened by whoever is on call, opens no records of others either.
    wide = opened(told, actor=caller, owner=on_call, use_case=None)
    found = find(wide, caller)
    assert (found.held, found.held_hidden) == (0, 3)
    archived = io.BytesIO(b"".join(export(incident, caller).sent()))
    with zipfile.ZipFile(archived) as archive:
        assert archive.read("records.ndjson") == b""
    # A role in the team does.
    make.grant(caller, Role.VIEWER, team=told.use_case.team)
    page = signed_in(caller).get(incident.get_absolute_url()).content.decode()
    assert linked in page and "that you may not see" not in page


# Where an incident is opened from


def test_the_window_begins_before_what_one_came_from(told, router):
    then = clock.now() - timedelta(days=2)
    wrong = router.route(told.use_case.slug, then, release=f"sha256:{64 * 'e'}")
    router.outcomes(wrong)
    client = signed_in(operator(told))
    for path in (f"/requests/{wrong['request']}/", "/"):
        page = client.get(path).content.decode()
        [link] = {
            one.replace("&amp;", "&") for one in re.findall(r'"(/incidents/open/\?[^"]+)"', page)
        }
        assert "begins_at=" in link
        form = client.get(link).context["form"]
        begins, problem = read_instant(form.initial["begins_at"])
        assert problem == "" and then - timedelta(hours=2) < begins <= then, path
