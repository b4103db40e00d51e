"""Comments in threads: kept for good, resolved and opened again, and seen by who sees the rest."""

import re

import pytest
from django.db import DatabaseError, connection, transaction

from audit import Refused
from audit.models import Entry
from audit.refusals import Conflict, NotAllowed
from gates import transitions
from gates.models import Comment, Thread
from gates.packages import live
from registry.roles import Role
from tests import make
from tests.api.reading import reader
from tests.gates.stories import WHY, story, verify_record

pytestmark = pytest.mark.django_db


@pytest.fixture
def told():
    told = story()
    told.give_all()
    told.ask()
    told.reviewer = told.signer("reviewer")
    return told


def say(told, text="Is the set still right?", actor=None, **values):
    actor = actor or told.reviewer
    return transitions.comment(told.promotion.pk, text=text, actor=actor, **values)


def text_of(response) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


def test_a_comment_opens_a_thread_and_stands_in_the_log():
    told = story()
    told.ask()
    reviewer = told.signer("reviewer")
    row = say(told, actor=reviewer, subject="finding:sandbox.safety_checks")
    assert (row.author, row.thread.opened_by, row.thread.resolved_at) == (reviewer, reviewer, None)
    entries = Entry.objects.filter(about=told.promotion.key, change=row.change_id)
    assert list(entries.values_list("event", flat=True)) == ["thread.opened", "comment.written"]
    assert entries.first().change.reason == "Is the set still right?"
    assert verify_record().outcome == "clean"


def test_a_comment_changes_nothing_that_is_signed(told):
    before = live(told.promotion).digest
    say(told)
    say(told, actor=told.requester)
    assert live(told.promotion).digest == before
    # Whoever commented has no hand in it: they may sign.
    told.sign(told.reviewer)


def test_it_is_resolved_reopened_and_answered(told):
    thread = say(told).thread
    transitions.resolve(thread.pk, actor=told.requester, reason="It is: run 4.")
    thread.refresh_from_db()
    assert thread.resolved_by == told.requester
    with pytest.raises(Conflict, match="just before you"):
        transitions.resolve(thread.pk, actor=told.reviewer, reason=WHY)
    transitions.reopen(thread.pk, actor=told.reviewer, reason="Not for Dutch.")
    with pytest.raises(Conflict, match="open already"):
        transitions.reopen(thread.pk, actor=told.reviewer, reason=WHY)
    transitions.resolve(thread.pk, actor=told.reviewer, reason="Now it is.")
    # An answer to what was settled opens it again.
    say(told, "One more thing.", thread=thread.pk)
    thread.refresh_from_db()
    assert thread.resolved_at is None
    assert thread.comments.count() == 2
    assert [row.resolved_by for row in thread.history.order_by("history_id")] == [
        None,
        told.requester,
        None,
        told.reviewer,
        None,
    ]


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"text": "  "}, "Write what you want to say."),
        ({"text": "x" * 4001}, "4000 characters at most"),
        ({"subject": "finding:no.such"}, "no such finding or evidence"),
        ({"subject": "evidence:1"}, "no such finding or evidence"),
    ],
)
def test_what_says_nothing_or_is_about_nothing_is_refused(told, values, says):
    with pytest.raises(Refused, match=says):
        say(told, **values)
    assert not Thread.objects.exists()


def test_who_only_reads_writes_nothing_and_a_foreign_thread_is_not_there(told):
    other = story()
    other.ask()
    thread = say(other, actor=other.signer("reviewer")).thread
    with pytest.raises(Thread.DoesNotExist):
        say(told, thread=thread.pk)
    with pytest.raises(NotAllowed):
        say(told, actor=other.signer("reviewer"))
    for role in (Role.VIEWER, Role.AUDITOR, Role.ADMINISTRATOR):
        person = make.make_person("", role)
        with pytest.raises(NotAllowed):
            say(told, actor=person)
        with pytest.raises(NotAllowed):
            transitions.resolve(thread.pk, actor=person, reason=WHY)
    assert not Comment.objects.visible_to(told.reviewer).exists()


@pytest.mark.parametrize("sql", ["UPDATE {} SET text = 'x'", "DELETE FROM {}"])
def test_a_comment_is_neither_edited_nor_deleted(told, sql):
    say(told)
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql.format(Comment._meta.db_table))


def test_the_api_says_the_same(told):
    row = say(told, subject="finding:sandbox.safety_checks")
    transitions.resolve(row.thread_id, actor=told.requester, reason="It is.")
    answer = reader("auditor").get(f"promotions/{told.promotion.pk}/").json()
    [thread] = answer["threads"]
    assert thread["subject"] == "finding:sandbox.safety_checks"
    assert thread["resolved_by"] == told.requester.username
    assert [(one["author"], one["text"]) for one in thread["comments"]] == [
        (told.reviewer.username, row.text)
    ]
    assert answer["assignments"] == []


# The page


def test_threads_stand_on_the_page_with_permanent_addresses(client, told):
    row = say(told, "<b>bold</b> & [link](https://example.org)")
    item = told.release.evidence.first()
    about = say(told, "Which report?", subject=f"evidence:{item.pk}")
    transitions.resolve(about.thread_id, actor=told.reviewer, reason="The newest.")
    client.force_login(told.requester)
    answer = client.get(f"/promotions/{told.promotion.pk}/")
    body, words = answer.content.decode(), text_of(answer)
    assert f'id="comment-{row.pk}"' in body
    assert f'href="#comment-{row.pk}"' in body
    assert "&lt;b&gt;bold&lt;/b&gt; &amp; [link](https://example.org)" in body
    assert "1 open of 2" in words
    assert "1 thread is open." in words
    assert f"Evidence: “{item.title}”" in words
    assert f"{told.reviewer.username} resolved it on" in words
    assert "UTC: “The newest.”" in words
    assert "commented." in words
    assert "Open again" in words
    printed = client.get(f"/promotions/{told.promotion.pk}/?view=print").content.decode()
    assert f'id="comment-{row.pk}"' in printed
    assert "<textarea" not in printed


def test_writing_on_the_page_goes_to_what_was_written(client, told):
    client.force_login(told.reviewer)
    address = f"/promotions/{told.promotion.pk}/discussion/"
    answer = client.post(address, {"do": "comment", "text": "Why now?", "subject": ""})
    row = Comment.objects.get()
    assert answer["Location"] == f"/promotions/{told.promotion.pk}/#comment-{row.pk}"
    answer = client.post(address, {"do": "resolve", "thread": row.thread_id, "text": "Said so."})
    assert answer["Location"].endswith(f"#thread-{row.thread_id}")
    answer = client.post(address, {"do": "reopen", "thread": row.thread_id, "text": "Not quite."})
    assert answer.status_code == 302
    assert Thread.objects.get().resolved_at is None
    assert client.get(address).status_code == 302


@pytest.mark.parametrize(
    ("sent", "status", "says"),
    [
        ({"do": "comment", "text": ""}, 422, "Write what you want to say."),
        ({"do": "comment", "text": "kept words", "subject": "finding:x.y"}, 422, "kept words"),
        ({"do": "delete", "text": "kept words"}, 422, "kept words"),
        ({"do": "resolve", "text": "kept words", "thread": "999999"}, 404, ""),
        ({"do": "comment", "text": "kept words", "thread": "9" * 30}, 422, "kept words"),
        ({"do": "comment", "text": "nul\x00"}, 422, "Null characters"),
    ],
)
def test_what_is_refused_is_kept_and_says_why(client, told, sent, status, says):
    client.force_login(told.reviewer)
    answer = client.post(f"/promotions/{told.promotion.pk}/discussion/", sent)
    assert answer.status_code == status
    assert says in answer.content.decode()
    assert not Comment.objects.exists()


def test_who_may_not_write_reads_why(client, told):
    client.force_login(make.make_person("", Role.VIEWER))
    address = f"/promotions/{told.promotion.pk}/"
    assert "This takes the role registrar, evidence contributor" in text_of(client.get(address))
    answer = client.post(f"{address}discussion/", {"do": "comment", "text": "Hello."})
    assert answer.status_code == 403


def test_the_page_costs_the_same_for_many_threads(client, told):
    from django.test.utils import CaptureQueriesContext

    client.force_login(told.reviewer)
    counts = []
    for number in (1, 6):
        for _ in range(number):
            say(told)
        client.get(f"/promotions/{told.promotion.pk}/")
        with CaptureQueriesContext(connection) as queries:
            client.get(f"/promotions/{told.promotion.pk}/")
        counts.append(len(queries))
    assert counts[0] == counts[1]
