"""Who may do what: the table of `docs/roles.md`, read against the one function that decides."""

import pytest
from django.contrib.auth.models import AnonymousUser

import audit
from audit.refusals import NotAllowed
from registry import rights, transitions
from registry.models import Dataset, Environment, Provider, Region, Release, Team, Tool, UseCase
from registry.roles import Role
from tests import make

pytestmark = pytest.mark.django_db

#: What everybody gives who has a part in the work.
OF_ALL = {"discuss", "open_incident", "note_incident"}
OF_REVIEWERS = OF_ALL | {
    "sign",
    "accept_run",
    "close_condition",
    "break_glass",
    "review_break_glass",
    "review_rollback",
    "handle_incident",
    "review_incident",
    "build_pack",
}
#: Role -> the verbs it gives in its own team; nothing else is given.
GIVEN = {
    "registrar": OF_ALL | {"register", "seal", "retire"},
    "evidence_contributor": OF_ALL | {"give_evidence", "withdraw_evidence"},
    "requester": OF_ALL | {"request"},
    "reviewer": OF_REVIEWERS,
    "risk_owner": OF_REVIEWERS | {"waive", "revoke", "declare_loss"},
    "privacy_officer": OF_REVIEWERS,
    "independent_validator": OF_REVIEWERS,
    "operator": OF_ALL | {"operate", "handle_incident"},
    "policy_author": {"write_policy", "build_pack"},
    "auditor": {"read_log", "review_trail", "export_log", "build_pack"},
    "viewer": set(),
    "administrator": {
        "administer",
        "export_log",
        "declare_loss",
        "grant_role",
        "deactivate",
        "reactivate",
        "issue_token",
        "revoke_token",
        "take_second_factor",
    },
}


@pytest.mark.parametrize("role", Role.values)
def test_a_role_gives_its_verbs_in_its_own_team_and_no_other(role):
    own, foreign = make.make_team(), make.make_team()
    for_all = role == Role.ADMINISTRATOR
    person = make.make_person("", role, team=None if for_all else own)
    assert {verb for verb in rights.ROLES if not rights.may(person, verb, own)} == GIVEN[role]
    expected = GIVEN[role] if for_all else set()
    assert {verb for verb in rights.ROLES if not rights.may(person, verb, foreign)} == expected


@pytest.mark.parametrize(
    ("noun", "needed"),
    [
        (UseCase, "registrar"),
        (Release, "registrar"),
        (Tool, "registrar"),
        (Team, "administrator"),
        (Region, "administrator"),
        (Provider, "administrator"),
        (Environment, "administrator"),
    ],
)
def test_saving_a_noun_takes_the_role_that_keeps_it(noun, needed):
    for role in Role:
        person = make.make_person("", role)
        assert (rights.may(person, "save", noun) == []) is (role == needed), role


def test_a_registrar_keeps_the_rows_of_their_own_team():
    own, foreign = make.make_use_case(), make.make_use_case()
    person = make.make_person("", Role.REGISTRAR, team=own.team)
    assert rights.may(person, "save", own) == []
    (reason,) = rights.may(person, "save", foreign)
    assert reason.sentence == (
        f"This takes the role registrar in the team {foreign.team}. An administrator grants it."
    )


def test_an_administrator_signs_nothing_and_registers_nothing():
    for verb in ("register", "seal", "sign", "accept_run", "give_evidence", "request", "operate"):
        assert rights.may(make.admin(), verb)


def test_nobody_acts_on_themselves():
    ada = make.admin()
    for verb in ("grant_role", "deactivate", "reactivate"):
        assert [reason.code for reason in rights.may(ada, verb, ada)] == ["ONESELF"]


def test_deactivated_anonymous_and_system_may_nothing():
    sam = make.make_person("", Role.REGISTRAR)
    transitions.deactivate_person(sam.pk, actor=make.admin(), reason="Left.")
    assert [r.code for r in rights.may(sam, "register", fresh=True)] == ["INACTIVE"]
    assert rights.may(AnonymousUser(), "register")
    assert rights.may(audit.system("nightly"), "register")


def test_a_verb_reads_grants_afresh():
    team = make.make_team()
    sam = make.make_person("", Role.REGISTRAR, team=team)
    assert rights.may(sam, "register", team) == []  # and remembered on the instance
    transitions.end_grant(sam.role_grants.get().pk, actor=make.admin(), reason="Moved on.")
    assert rights.may(sam, "register", team) == []
    assert rights.may(sam, "register", team, fresh=True)
    with pytest.raises(NotAllowed):
        make.save(Dataset, {"slug": "late", "name": "Late", "team": team}, actor=sam)


def test_an_unknown_verb_is_an_error_and_not_a_yes():
    with pytest.raises(KeyError):
        rights.may(make.admin(), "aproove")
    with pytest.raises(KeyError):
        rights.may(make.admin(), "save", object())
