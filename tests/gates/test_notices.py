"""Who is told what: written with the change, told once, sent after commit, tried again."""

import logging
import re
import threading
from datetime import timedelta
from io import StringIO

import pytest
from django.core import mail
from django.core.mail.backends.base import BaseEmailBackend
from django.core.management import call_command
from django.db import connection

from audit import Refused, clock
from audit.changes import change
from evidence import transitions as evidence
from gates import transitions
from gates.models import Challenge, Delivery, MutedKind, Notice
from gates.notice_pages import choose
from gates.notices.finding import find_changed_packages, find_endings
from gates.notices.people import concerned
from gates.notices.sending import claim, send_all
from gates.notices.telling import tell, tell_all
from gates.notices.writing import note, note_given
from gates.pages.loaded import load
from gates.rules.notices import WAITS
from gates.sweeping import sweep
from registry.models import Throttle
from registry.roles import Role
from registry.sweeping import sweep as sweep_sign_ins
from tests import make
from tests.gates.stories import WHY, approved, days, story

pytestmark = pytest.mark.django_db


def ready(stage="sandbox"):
    told = story(stage)
    told.signer("reviewer")
    told.give_all()
    told.ask()
    return told


def kinds() -> list[str]:
    return sorted(Notice.objects.values_list("kind", flat=True))


def tick() -> None:
    find_changed_packages()
    find_endings()
    tell_all()
    send_all()


def mails() -> dict[str, list[str]]:
    """Return the subjects by recipient, without the domain."""
    found: dict[str, list[str]] = {}
    for one in mail.outbox:
        found.setdefault(one.to[0].partition("@")[0], []).append(one.subject)
    return found


# Written with the change


def test_submitting_writes_its_notices_in_the_same_transaction():
    told = story()
    told.ask(submit=False)
    assert kinds() == []
    transitions.submit(told.promotion.pk, actor=told.requester, reason=WHY)
    assert kinds() == ["promotion.requested", "sign_off.wanted"]


def test_a_change_that_fails_leaves_no_notice():
    told = ready()
    before = Notice.objects.count()
    with pytest.raises(Refused), change(actor=told.requester, reason=WHY) as opened:
        note(opened, "break_glass.used", promotion=told.promotion.pk)
        raise Refused([])
    assert Notice.objects.count() == before


def test_the_same_news_is_written_once():
    told = ready()
    for _ in range(2):
        with change(actor=told.requester, reason=WHY) as opened:
            note(opened, "break_glass.used", promotion=told.promotion.pk, once="the same")
    assert kinds().count("break_glass.used") == 1


# Told to whom it concerns


def test_whoever_may_sign_is_told_in_the_words_of_their_own_band():
    told = ready()
    tick()
    reviewer = told.signer("reviewer")
    short = f"{told.release} into {told.environment}"
    assert mails()[reviewer.username] == [f"Your sign-off is wanted: {short}"]
    body = next(one.body for one in mail.outbox if one.to == [reviewer.email])
    assert body.startswith("Ready for you. All")
    assert f"https://testserver/promotions/{told.promotion.pk}/" in body
    assert "/notices/" in body
    # Who made the release is told that it is asked for, in words of their own.
    [asked] = [one for one in mail.outbox if one.to == [make.registrar().email]]
    assert asked.subject == f"Asked for: {short}"
    assert asked.body.startswith(
        f"{told.requester.username} asks to let {told.use_case} release {told.release.number} "
        f"into {told.environment}."
    )
    # Whoever caused it knows.
    assert told.requester.username not in mails()


def test_the_decision_reaches_requester_and_makers_but_not_who_took_it():
    told = ready()
    tick()
    mail.outbox.clear()
    told.sign(told.signer("reviewer"))
    tick()
    short = f"{told.release} into {told.environment}"
    assert mails() == {
        told.requester.username: [f"Approved: {short}"],
        make.registrar().username: [f"Approved: {short}"],
        # Whoever signed is sent the proof of it, and nothing else.
        told.signer("reviewer").username: [f"Receipt for your signature: {short}"],
    }
    approved = next(one for one in mail.outbox if one.subject.startswith("Approved"))
    assert approved.body.startswith("Approved until ")


@pytest.mark.parametrize(
    ("verdict", "title", "begins"),
    [
        ("reject", "Rejected", "{name} rejected this on"),
        ("request_changes", "Changes requested", "{name} requested changes."),
    ],
)
def test_a_refusal_is_told_with_its_reason(verdict, title, begins):
    told = ready()
    tick()
    mail.outbox.clear()
    reviewer = told.signer("reviewer")
    told.sign(reviewer, verdict)
    tick()
    [sent] = [one for one in mail.outbox if one.to == [told.requester.email]]
    assert sent.subject.startswith(f"{title}: ")
    assert sent.body.startswith(begins.format(name=reviewer.name))
    assert WHY in sent.body


def test_a_signature_that_stopped_counting_is_told_to_its_giver_once():
    told = ready("production")
    reviewer = told.signer("reviewer")
    told.sign(reviewer)
    tick()
    mail.outbox.clear()
    told.give("safety_check", title="A newer one", verdict="fail")
    find_changed_packages()
    find_changed_packages()
    assert kinds().count("package.changed") == 1
    tick()
    [sent] = [one for one in mail.outbox if one.to == [reviewer.email]]
    assert sent.subject.startswith("Signatures no longer count: ")
    assert sent.body.startswith("The signature of you no longer counts. Changed since: ")
    assert told.requester.username in mails()


def test_before_anybody_signed_a_changed_package_is_no_news():
    told = ready()
    told.give("safety_check", title="A newer one", verdict="fail")
    find_changed_packages()
    assert "package.changed" not in kinds()


def test_ends_are_told_at_thirty_seven_and_one_day_and_when_they_come():
    told = approved()
    owner = make.make_person(make.name("owner"), Role.RISK_OWNER, team=told.use_case.team)
    tick()
    mail.outbox.clear()
    [until] = [one.until for one in _approvals(told)]
    steps: list[list[str]] = []
    last: list = []
    for before in (31, 30, 30, 20, 7, 6.5, 1, 0.5, 0, -1):
        with clock.at(until - days(before)):
            tick()
            tick()
        steps.append(mails().get(owner.username, []))
        last = mail.outbox[-1:] or last
        mail.outbox.clear()
    short = f"{told.release} into {told.environment}"
    assert steps == [
        [],
        [f"Ends in 30 days: {short}"],
        [],
        [],
        [f"Ends in 7 days: {short}"],
        [],
        [f"Ends tomorrow: {short}"],
        [],
        [f"Ended: {short}"],
        [],
    ]
    assert last[0].body.startswith("Ended on ")


def _approvals(told):
    from gates.approvals import approvals
    from gates.models import Promotion

    return approvals(Promotion.objects.filter(pk=told.promotion.pk))


def test_withdrawn_evidence_ends_it_and_that_is_told():
    told = approved()
    tick()
    mail.outbox.clear()
    item = told.release.evidence.filter(kind="safety_check").get()
    evidence.withdraw(item.pk, actor=told.contributor, reason="Wrong file.")
    tick()
    assert mails()[told.requester.username] == [f"Ended: {told.release} into {told.environment}"]


def test_an_end_that_another_approval_outlasts_is_not_told():
    told = approved()
    first = told.promotion
    with clock.at(clock.now() + days(60)):
        for kind in ("safety_check", "data_boundary"):
            told.give(kind)
        told.ask()
        told.promotion = told.sign_all()
    until = _approvals(told)[0].until
    told.promotion = first
    earlier = _approvals(told)[0].until
    assert earlier < until
    tick()
    mail.outbox.clear()
    with clock.at(earlier + timedelta(hours=1)):
        tick()
    assert mails() == {}


def test_who_may_not_see_it_turned_it_off_or_left_is_told_nothing():
    told = ready()
    reviewer, team = told.signer("reviewer"), told.use_case.team
    gone = make.make_person(make.name("gone"), Role.REVIEWER, team=team)
    muted = make.make_person(make.name("muted"), Role.REVIEWER, team=team)
    silent = make.make_person(make.name("silent"), Role.REVIEWER, team=team, email="")
    make.make_person(make.name("foreign"), Role.REVIEWER, team=make.make_team())
    choose(muted, ["promotion.decided"])
    from registry import transitions as registry

    registry.deactivate_person(gone.pk, actor=make.admin(), reason=WHY)
    notice = Notice.objects.get(kind="sign_off.wanted")
    assert concerned(notice, load(told.promotion)) == [reviewer]
    assert silent.email == ""
    # A requester whose grant ended may not see the answer either.
    told.sign(reviewer)
    registry.end_grant(told.requester.role_grants.get().pk, actor=make.admin(), reason=WHY)
    make.grant(told.requester, Role.VIEWER, team=make.make_team())
    decided = Notice.objects.get(kind="promotion.decided")
    assert told.requester not in concerned(decided, load(told.promotion))


def test_what_was_overtaken_or_is_old_is_told_to_nobody():
    told = ready()
    transitions.withdraw(told.promotion.pk, actor=told.requester, reason=WHY)
    with clock.at(clock.now() + days(1)):
        tell_all()
    assert not Delivery.objects.filter(notice__kind="sign_off.wanted").exists()
    other = ready()
    with clock.at(clock.now() + days(8)):
        tell_all()
    assert not Delivery.objects.filter(notice__promotion=other.promotion).exists()
    assert not Notice.objects.filter(told_at=None).exists()


def test_what_is_no_promotion_is_told_in_the_words_of_its_verb_to_its_team():
    told = ready()
    team = told.use_case.team
    owner = make.make_person(make.name("owner"), Role.RISK_OWNER, team=team)
    make.make_person(make.name("foreign"), Role.RISK_OWNER, team=make.make_team())
    tick()
    mail.outbox.clear()
    said = {
        "title": "Break-glass: claims-triage 3 into regulated-eu",
        "headline": "risk.owner let it in for 4 hours.",
        "text": "Incident 7.",
        "path": "/gates/breakglass/1/change/",
    }
    with change(actor=told.requester, reason=WHY) as opened:
        note_given(opened, "break_glass.used", team=team.pk, said=said)
    tick()
    assert mails() == {owner.username: [said["title"]]}
    assert mail.outbox[0].body.startswith("risk.owner let it in for 4 hours. Incident 7.")
    assert "https://testserver/gates/breakglass/1/change/" in mail.outbox[0].body


# Sent once, and tried again


class Broken(BaseEmailBackend):
    def send_messages(self, messages):
        raise ConnectionRefusedError("nobody listens")


def test_twice_sends_nothing_twice():
    ready()
    tick()
    number = len(mail.outbox)
    tick()
    call_command("tick", "--all", stdout=StringIO())
    assert len(mail.outbox) == number
    assert len({one.extra_headers["Message-ID"] for one in mail.outbox}) == number


def test_what_cannot_be_sent_is_tried_again_later_each_time_and_given_up(settings):
    ready()
    tell_all()
    works, settings.EMAIL_BACKEND = settings.EMAIL_BACKEND, f"{__name__}.Broken"
    now = clock.now()
    for tries, wait in enumerate((*WAITS, None), start=1):
        with clock.at(now):
            send_all()
        row = Delivery.objects.order_by("pk").first()
        assert (row.attempts, row.sent_at) == (tries, None)
        assert row.error == "ConnectionRefusedError: nobody listens"
        assert row.due_at == (now + wait if wait else None)
        if wait:
            with clock.at(now + wait - timedelta(seconds=1)):
                assert send_all() == "0 sent, 0 not sent"
            now += wait
    settings.EMAIL_BACKEND = works
    with clock.at(now + days(9)):
        assert send_all() == "0 sent, 0 not sent"


def test_whoever_left_since_is_sent_nothing_any_more():
    from registry import transitions as registry

    told = ready()
    tell_all()
    reviewer = told.signer("reviewer")
    registry.deactivate_person(reviewer.pk, actor=make.admin(), reason=WHY)
    send_all()
    assert reviewer.username not in mails()
    row = Delivery.objects.get(person=reviewer)
    assert (row.sent_at, row.due_at, row.attempts) == (None, None, 1)


def test_one_that_cannot_be_told_or_tried_keeps_no_other_waiting(monkeypatch, caplog):
    from gates.notices import sending, telling

    ready()
    Notice.objects.create(kind="no.such", once="broken", created_at=clock.now() - days(1))
    with caplog.at_level(logging.CRITICAL, "gatehouse.notices"):
        assert telling.tell_all() == "2 notices told, 2 deliveries written, 1 failed"
        monkeypatch.setattr(sending, "send_mail", lambda delivery: 1 / 0)
        assert send_all() == "0 sent, 2 not sent"
    assert {one.error for one in Delivery.objects.all()} == {
        "It could not be tried: ZeroDivisionError."
    }


def test_whoever_dies_while_sending_leaves_it_to_the_next():
    ready()
    tell_all()
    taken = claim()
    assert taken
    assert claim() == []
    with clock.at(clock.now() + timedelta(minutes=11)):
        assert {one.pk for one in claim()} == {one.pk for one in taken}


@pytest.mark.django_db(transaction=True)
def test_four_machines_that_tick_at_once_send_each_mail_once():
    ready()
    barrier = threading.Barrier(4)

    def run():
        barrier.wait()
        try:
            tell_all()
            send_all()
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    send_all()
    sent = [one.extra_headers["Message-ID"] for one in mail.outbox]
    assert sorted(sent) == sorted(set(sent))
    assert len(sent) == Delivery.objects.count() == 2


def test_of_two_who_tell_the_same_news_one_writes_it():
    ready()
    notice = Notice.objects.get(kind="sign_off.wanted")
    assert tell(notice) == 1
    assert tell(notice) is None
    assert Delivery.objects.count() == 1


def test_a_line_break_in_a_name_begins_no_header():
    told = ready()
    told.environment.slug = "eu\r\nBcc: everybody@example.org"
    tick()
    for one in mail.outbox:
        assert "\n" not in one.subject


# What ran out


def test_sweeping_takes_what_ran_out_and_nothing_else():
    told = ready()
    reviewer = told.signer("reviewer")
    signed = told.sign(reviewer)
    old = transitions.issue_challenge(
        told.promotion.pk, actor=reviewer, verdict="approve", package_digest=signed.package_digest
    )
    tick()
    assert Delivery.objects.exists()
    Throttle.objects.create(key="account:old", first_at=clock.now() - days(2))
    with clock.at(clock.now() + timedelta(minutes=11)):
        sweep()
        sweep_sign_ins()
    assert list(Challenge.objects.all()) == [signed.challenge]
    assert old not in Challenge.objects.all()
    assert not Throttle.objects.filter(key="account:old").exists()
    assert Delivery.objects.exists()
    with clock.at(clock.now() + days(91)):
        sweep()
    assert not Delivery.objects.exists()
    assert Notice.objects.exists()


# The page


def test_everybody_chooses_for_themselves(client):
    told = ready()
    reviewer = told.signer("reviewer")
    client.force_login(reviewer)
    assert client.get("/notices/").status_code == 200
    assert client.post("/notices/", {"kinds": ["promotion.decided"]}).status_code == 302
    assert "sign_off.wanted" in MutedKind.objects.values_list("kind", flat=True)
    tick()
    assert reviewer.username not in mails()
    answer = client.post("/notices/", {"kinds": ["no.such"]})
    assert answer.status_code == 422
    assert "Choose kinds from the list." in answer.content.decode()
    client.post("/notices/", {"kinds": ["sign_off.wanted", "promotion.decided"]})
    told.sign(reviewer, "request_changes")
    transitions.submit(told.promotion.pk, actor=told.requester, reason=WHY)
    tick()
    words = " ".join(re.sub(r"<[^>]+>", " ", client.get("/notices/").content.decode()).split())
    assert f"Your sign-off is wanted: {told.release} into {told.environment}" in words
