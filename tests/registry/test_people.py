"""People, grants and tokens: who gives them, who may not, and what is left behind."""

from datetime import timedelta
from threading import Barrier, Thread

import pytest
from django.core import mail
from django.core.management import CommandError, call_command
from django.db import connection

from audit import Refused, clock
from audit.models import Entry
from audit.refusals import Conflict, NotAllowed
from audit.verifying import verify
from registry import transitions
from registry.leaving import OpenEnd, open_ends
from registry.models import ApiToken, Person, RoleGrant
from registry.roles import Role
from tests import make


def codes(caught) -> list[str]:
    return [reason.code for reason in caught.value.reasons]


@pytest.fixture
def ada(db) -> Person:
    """The administrator."""
    return make.admin()


class TestAdding:
    def test_somebody_new_is_in_the_log_without_the_password(self, ada):
        sam = make.make_person("sam")
        entry = Entry.objects.get(row=sam.key)
        assert entry.event == "person.added"
        assert "password" not in entry.body
        assert sam.history.get().username == "sam"
        assert not hasattr(sam.history.get(), "password")

    def test_without_a_password_one_sets_it_by_mail(self, ada):
        sam = make.make_person("sam", password=None)
        assert sam.has_usable_password()
        assert not sam.check_password("")
        with pytest.raises(Refused) as caught:
            make.make_person("tom", password=None, email="")
        assert codes(caught) == ["EMAIL_MISSING"]

    @pytest.mark.parametrize("password", ["short", "password1234", "samantha-2026", "123456789012"])
    def test_a_first_password_is_judged_like_any_other(self, ada, password):
        with pytest.raises(Refused) as caught:
            make.make_person("samantha-2026", password=password)
        assert {reason.field for reason in caught.value.reasons} == {"password"}

    def test_a_service_account_has_no_password(self, ada):
        bot = make.make_service("bot")
        assert not bot.has_usable_password()
        with pytest.raises(Refused) as caught:
            make.make_person("bot-2", kind="service", password=make.PASSWORD)
        assert codes(caught) == ["SERVICE_ACCOUNT"]

    @pytest.mark.parametrize("username", ["sam", "SAM"])
    def test_two_names_differ_in_more_than_case(self, ada, username):
        make.make_person("sam")
        with pytest.raises(Refused, match="already"):
            make.make_person(username)

    def test_only_administrators_keep_people(self, ada):
        sam = make.make_person("sam", Role.REGISTRAR)
        for verb in (
            lambda: make.make_person("tom", actor=sam),
            lambda: transitions.amend_person(ada.pk, name="Sam", actor=sam, reason="Fun."),
            lambda: transitions.deactivate_person(ada.pk, actor=sam, reason="Fun."),
            lambda: transitions.grant_role(ada.pk, role=Role.VIEWER, actor=sam, reason="Fun."),
        ):
            with pytest.raises(NotAllowed):
                verb()

    def test_the_old_address_hears_of_the_new_one(self, ada, django_capture_on_commit_callbacks):
        sam = make.make_person("sam")
        with django_capture_on_commit_callbacks(execute=True):
            transitions.amend_person(
                sam.pk, email="new@example.org", actor=ada, reason="She married."
            )
        (message,) = mail.outbox
        assert message.to == ["sam@example.org"]
        assert "new@example.org" in message.body


class TestGrants:
    def test_a_grant_says_who_gave_it_and_when(self, ada):
        sam, team = make.make_person("sam"), make.make_team()
        grant = make.grant(sam, Role.REVIEWER, team=team)
        assert (grant.granted_by, grant.ended_at) == (ada, None)
        assert sam.has_role(Role.REVIEWER, team=team)
        assert not sam.has_role(Role.REVIEWER, team=make.make_team())

    def test_nobody_grants_to_themselves(self, ada):
        with pytest.raises(NotAllowed) as caught:
            transitions.grant_role(ada.pk, role=Role.RISK_OWNER, actor=ada, reason="I need it.")
        assert codes(caught) == ["ONESELF"]
        assert not ada.has_role(Role.RISK_OWNER)

    @pytest.mark.parametrize("for_all", [True, False])
    def test_the_same_role_is_not_held_twice(self, ada, for_all):
        team = None if for_all else make.make_team()
        sam = make.make_person("sam", Role.VIEWER, team=team)
        with pytest.raises(Conflict):
            make.grant(sam, Role.VIEWER, team=team)

    def test_an_unknown_role_is_refused_by_name(self, ada):
        with pytest.raises(Refused) as caught:
            make.grant(make.make_person("sam"), "emperor")
        assert [reason.field for reason in caught.value.reasons] == ["role"]

    def test_it_ends_once_and_stays_on_record(self, ada):
        sam = make.make_person("sam", Role.VIEWER)
        grant = sam.role_grants.get()
        ended = transitions.end_grant(grant.pk, actor=ada, reason="Moved on.")
        assert ended.ended_by == ada
        assert not Person.objects.get(pk=sam.pk).has_role(Role.VIEWER)
        with pytest.raises(Conflict):
            transitions.end_grant(grant.pk, actor=ada, reason="Again.")
        make.grant(sam, Role.VIEWER)
        assert sam.role_grants.count() == 2

    def test_the_last_administrator_stays_one(self, ada):
        grant = ada.role_grants.get()
        with pytest.raises(Refused) as caught:
            transitions.end_grant(grant.pk, actor=ada, reason="Enough.")
        assert codes(caught) == ["LAST_ADMINISTRATOR"]
        make.make_person("bea", Role.ADMINISTRATOR)
        transitions.end_grant(grant.pk, actor=ada, reason="Bea does it now.")
        with pytest.raises(NotAllowed):
            make.make_team()

    def test_a_deactivated_administrator_does_not_count(self, ada):
        bea = make.make_person("bea", Role.ADMINISTRATOR)
        transitions.deactivate_person(bea.pk, actor=ada, reason="On leave.")
        with pytest.raises(Refused):
            transitions.end_grant(ada.role_grants.get().pk, actor=ada, reason="Enough.")


class TestDeactivating:
    def test_everything_ends_at_once_and_comes_back(self, ada):
        sam = make.make_person("sam", Role.VIEWER)
        transitions.deactivate_person(sam.pk, actor=ada, reason="Left.")
        gone = Person.objects.get(pk=sam.pk)
        assert (gone.is_active, gone.grants) == (False, ())
        with pytest.raises(Conflict):
            transitions.deactivate_person(sam.pk, actor=ada, reason="Left.")
        transitions.reactivate_person(sam.pk, actor=ada, reason="Came back.")
        assert Person.objects.get(pk=sam.pk).has_role(Role.VIEWER)

    def test_nobody_deactivates_themselves(self, ada):
        make.make_person("bea", Role.ADMINISTRATOR)
        with pytest.raises(NotAllowed) as caught:
            transitions.deactivate_person(ada.pk, actor=ada, reason="Enough.")
        assert codes(caught) == ["ONESELF"]

    def test_what_is_left_open_is_said_first(self, ada, monkeypatch):
        team = make.make_team()
        sam = make.make_person("sam", Role.REGISTRAR, team=team)
        make.grant(sam, Role.PRIVACY_OFFICER, team=team)
        make.make_token(sam)
        draft = make.make_release(team=team, actor=sam, sealed=False)
        end = OpenEnd("PROMOTION", "They asked for promotion 7.")
        monkeypatch.setattr("registry.leaving.people_checks", [lambda person: [end]])
        assert sorted(end.code for end in open_ends(sam)) == [
            "DRAFT",
            "GRANT",
            "ONLY_HOLDER",
            "PROMOTION",
            "TOKEN",
        ]
        sentences = " ".join(end.sentence for end in open_ends(sam))
        assert f"Nobody else is privacy officer in the team {team}." in sentences
        assert f"Draft release {draft} is not sealed." in sentences

    def test_who_has_nothing_leaves_nothing(self, ada):
        assert open_ends(make.make_person("sam")) == []


class TestTokens:
    def test_it_is_shown_once_and_kept_as_its_hash(self, ada):
        row, raw = make.make_token_row(make.make_person("sam"))
        assert raw.startswith("ghs_")
        stored = {
            str(value) for value in ApiToken.objects.filter(pk=row.pk).values().get().values()
        }
        assert raw not in stored
        assert raw not in " ".join(Entry.objects.filter(row=row.key).values_list("body", flat=True))

    @pytest.mark.parametrize(("days", "fine"), [(1, True), (365, True), (366, False), (0, False)])
    def test_it_ends_within_a_year(self, ada, days, fine):
        sam = make.make_person("sam")
        if fine:
            assert make.make_token(sam, days=days)
        else:
            with pytest.raises(Refused):
                make.make_token(sam, days=days)

    def test_people_issue_themselves_reading_tokens_alone(self, ada):
        team = make.make_team()
        sam = make.make_person("sam", Role.EVIDENCE_CONTRIBUTOR, team=team)
        assert make.make_token(sam, actor=sam)
        with pytest.raises(NotAllowed):
            make.make_token(sam, scope="evidence", team=team, actor=sam)
        with pytest.raises(NotAllowed):
            make.make_token(ada, actor=sam)
        assert make.make_token(sam, scope="evidence", team=team, actor=ada)

    @pytest.mark.parametrize("scope", ["router", "evidence"])
    def test_one_that_writes_is_bound(self, ada, scope):
        bot = make.make_service("bot")
        unbound = {
            "router": "Say which router the token is for.",
            "evidence": "names one environment, an evidence token one team",
        }
        with pytest.raises(Refused, match=unbound[scope]):
            make.make_token(bot, scope=scope)
        bound = {
            "router": {"environment": make.make_environment()},
            "evidence": {"team": make.make_team()},
        }
        assert make.make_token(bot, scope=scope, **bound[scope])
        with pytest.raises(Refused):
            make.make_token(bot, scope="read", **bound[scope])

    def test_owner_and_administrator_revoke_it_and_nobody_else(self, ada):
        sam, tom = make.make_person("sam"), make.make_person("tom", Role.AUDITOR)
        mine, _ = make.make_token_row(sam)
        with pytest.raises(NotAllowed):
            transitions.revoke_token(mine.pk, actor=tom, reason="Not mine.")
        assert not transitions.revoke_token(mine.pk, actor=sam, reason="Lost.").is_live
        with pytest.raises(Conflict):
            transitions.revoke_token(mine.pk, actor=ada, reason="Again.")
        other, _ = make.make_token_row(sam)
        transitions.revoke_token(other.pk, actor=ada, reason="Found in a log.")

    def test_it_dies_by_the_clock_and_stays_on_record(self, ada):
        row, _ = make.make_token_row(make.make_person("sam"), days=1)
        with clock.at(clock.now() + timedelta(days=1, seconds=1)):
            assert not row.is_live
        assert ApiToken.objects.filter(pk=row.pk).exists()


class TestBootstrap:
    ARGUMENTS = ("bootstrap", "--username=ada", "--name=Ada Admin", "--email=ada@example.org")

    def test_it_makes_the_first_administrator_once(self, db, monkeypatch, capsys):
        monkeypatch.setenv("GATEHOUSE_BOOTSTRAP_PASSWORD", make.PASSWORD)
        call_command(*self.ARGUMENTS)
        assert "first administrator" in capsys.readouterr().out
        ada = Person.objects.get()
        assert ada.has_role(Role.ADMINISTRATOR)
        assert ada.check_password(make.PASSWORD)
        grant = RoleGrant.objects.get()
        assert (grant.granted_by, grant.change.actor_name) == (None, "system:bootstrap")
        with pytest.raises(CommandError, match="administrator already"):
            call_command(*self.ARGUMENTS)
        assert verify("record").found == []

    def test_it_stays_once_when_the_first_has_left(self, ada):
        make.make_person("bea", Role.ADMINISTRATOR)
        transitions.end_grant(ada.role_grants.get().pk, actor=ada, reason="Left.")
        with pytest.raises(Refused):
            transitions.bootstrap_administrator(
                username="eve", name="Eve", email="", password=make.PASSWORD
            )

    def test_a_weak_password_is_refused_in_words(self, db, monkeypatch):
        monkeypatch.setenv("GATEHOUSE_BOOTSTRAP_PASSWORD", "short")
        with pytest.raises(CommandError, match="at least 12 characters"):
            call_command(*self.ARGUMENTS)
        assert not Person.objects.exists()


def at_once(*calls) -> list:
    """Run the calls in threads that start together; return what each raised, or None."""
    start, ends = Barrier(len(calls)), [None] * len(calls)

    def run(place, call):
        try:
            start.wait(timeout=30)
            call()
        except Exception as error:  # noqa: BLE001 - handed back, whatever it is
            ends[place] = error
        finally:
            connection.close()

    threads = [Thread(target=run, args=pair) for pair in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return ends


@pytest.mark.django_db(transaction=True)
def test_two_administrators_who_end_each_other_leave_one():
    ada = make.admin()
    bea = make.make_person("bea", Role.ADMINISTRATOR)
    ends = at_once(
        lambda: transitions.deactivate_person(bea.pk, actor=ada, reason="She goes."),
        lambda: transitions.deactivate_person(ada.pk, actor=bea, reason="She goes."),
    )
    assert sorted(type(end).__name__ for end in ends) == ["NoneType", "NotAllowed"]
    assert Person.objects.filter(is_active=True).count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_bootstraps_at_once_make_one_administrator():
    ends = at_once(
        *(
            lambda name=name: transitions.bootstrap_administrator(
                username=name, name=name, email="", password=make.PASSWORD
            )
            for name in ("ada", "eve")
        )
    )
    (refused,) = [end for end in ends if end is not None]
    assert isinstance(refused, Refused)
    assert RoleGrant.objects.count() == Person.objects.count() == 1
