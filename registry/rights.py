"""Who may do what, said once.

Pages ask `may` why a button is off; verbs ask `demand` under lock, with grants read afresh. What
somebody may see is `visible_to`; whether a row's state allows the verb is the verb's own rule.
"""

from typing import Any

from django.core.exceptions import ObjectDoesNotExist
from django.db import models

from audit import Actor, Change, Reason
from audit.models import AuditReview, LogExport, LossDeclaration
from audit.refusals import NotAllowed
from registry import roles
from registry.models import (
    ApiToken,
    Dataset,
    DatasetVersion,
    Environment,
    EvaluationSuite,
    ModelVersion,
    Person,
    PolicyPack,
    PolicyVersion,
    PromptTemplate,
    PromptVersion,
    Provider,
    Region,
    RegisteredModel,
    Release,
    RoleGrant,
    Router,
    ServingEndpoint,
    SuiteVersion,
    Team,
    Tool,
    UseCase,
)
from registry.roles import Role

#: The path from a row to the team that owns it.
OWNER: dict[type[models.Model], str] = {
    UseCase: "team",
    RegisteredModel: "team",
    ModelVersion: "model.team",
    ServingEndpoint: "team",
    Dataset: "team",
    DatasetVersion: "dataset.team",
    PromptTemplate: "team",
    PromptVersion: "template.team",
    Release: "use_case.team",
}
#: Nouns that belong to everybody: a registrar of any team keeps them.
COMMON = (Tool, EvaluationSuite, SuiteVersion)
#: Nouns that administrators keep.
KEPT_BY_ADMINISTRATORS = (
    Team,
    Region,
    Provider,
    Environment,
    Router,
    Person,
    RoleGrant,
    ApiToken,
)

#: Nouns of those who write policy: it binds every team, so a grant in one does not do.
POLICY = (PolicyPack, PolicyVersion)

#: What reaches into every team, so that a grant in one does not do.
OF_ALL_TEAMS = (
    ("operate", Provider),
    ("review_trail", AuditReview),
    ("export_log", LogExport),
    ("declare_loss", LossDeclaration),
)

#: Verb -> the roles of which one is needed, in the team that owns the row.
#: "save" is not among them: the noun decides between "register" and "administer".
ROLES: dict[str, tuple[str, ...]] = {
    "register": roles.REGISTER,
    "seal": roles.REGISTER,
    "retire": roles.REGISTER,
    "give_evidence": roles.GIVE_EVIDENCE,
    "withdraw_evidence": roles.GIVE_EVIDENCE,
    "accept_run": roles.REVIEWING,
    "request": roles.REQUEST,
    "sign": roles.REVIEWING,
    "discuss": roles.DISCUSS,
    "break_glass": roles.REVIEWING,
    "review_break_glass": roles.REVIEWING,
    "revoke": roles.OWN_RISK,
    "close_condition": roles.REVIEWING,
    "waive": roles.OWN_RISK,
    "operate": roles.OPERATE,
    "review_rollback": roles.REVIEWING,
    "open_incident": roles.DISCUSS,
    "note_incident": roles.DISCUSS,
    "handle_incident": roles.HANDLE,
    "review_incident": roles.REVIEWING,
    "write_policy": roles.WRITE_POLICY,
    "administer": roles.ADMINISTER,
    "read_log": roles.READ_LOG,
    "review_trail": roles.READ_LOG,
    "export_log": roles.EXPORT_LOG,
    "declare_loss": roles.DECLARE_LOSSES,
    "build_pack": roles.PACK,
    "grant_role": roles.ADMINISTER,
    "deactivate": roles.ADMINISTER,
    "reactivate": roles.ADMINISTER,
    "take_second_factor": roles.ADMINISTER,
    "issue_token": roles.ADMINISTER,
    "revoke_token": roles.ADMINISTER,
}
#: Verbs of administrators that nobody does to themselves, with the sentence that says so.
NOT_TO_ONESELF = {
    "grant_role": "Nobody grants a role to themselves. Ask another administrator.",
    "deactivate": "Nobody deactivates themselves. Ask another administrator.",
    "reactivate": "Nobody reactivates themselves. Ask another administrator.",
}
#: Verbs that people do for themselves, and administrators for anybody.
OF_ONES_OWN = ("issue_token", "revoke_token", "take_second_factor")


def may(actor, verb: str, about: Any = None, *, fresh: bool = False) -> list[Reason]:
    """Return why `actor` may not do `verb`; an empty list means they may.

    `about` is the row, the team, or a model class for "anywhere at all". With `fresh`, the person
    and their grants are read again. Raises `KeyError` for a verb nobody knows.
    """
    if isinstance(actor, Actor):
        return [Reason("NOT_ALLOWED", "The system does this only when it sets itself up.")]
    if not actor.is_authenticated:
        return [Reason("NOT_ALLOWED", "Sign in first.")]
    if fresh:
        actor = Person.objects.get(pk=actor.pk)
    if not actor.is_active:
        return [Reason("INACTIVE", f"{actor.username} is deactivated and may do nothing.")]
    if verb in NOT_TO_ONESELF and isinstance(about, Person) and about.pk == actor.pk:
        return [Reason("ONESELF", NOT_TO_ONESELF[verb])]
    if verb in OF_ONES_OWN and _owner_key(about) == actor.pk:
        return []
    if verb == "save":
        verb, about = _saving(about)
    needed, team = ROLES[verb], team_of(about)
    if (_noun(about) in POLICY or (verb, _noun(about)) in OF_ALL_TEAMS) and not any(
        role in needed and of is None for role, of in actor.grants
    ):
        return [Reason("NOT_ALLOWED", _sentence(needed, "for all teams"))]
    if actor.has_role(*needed, team=team):
        return []
    return [Reason("NOT_ALLOWED", _sentence(needed, f"in the team {team}" if team else ""))]


def _noun(about) -> type:
    return about if isinstance(about, type) else type(about)


def _owner_key(about) -> int | None:
    if isinstance(about, ApiToken):
        return about.user_id
    return about.pk if isinstance(about, Person) else None


def _saving(about) -> tuple[str, Any]:
    """Return the verb that saving a row of this noun comes down to, and what it is about."""
    noun = _noun(about)
    if noun in KEPT_BY_ADMINISTRATORS:
        return "administer", None
    if noun in COMMON:
        return "register", None
    if noun in POLICY:
        return "write_policy", noun
    if noun in OWNER:
        return "register", about
    raise KeyError(f"Nobody said who may save a {noun.__name__}.")


def team_of(about) -> Team | None:
    """Return the team that owns a row; a team is its own, a class or a common noun has none."""
    if isinstance(about, Team):
        return about
    path = OWNER.get(type(about))
    if path is None:
        return None
    for step in path.split("."):
        try:
            about = getattr(about, step)
        except ObjectDoesNotExist:
            return None  # not filled in yet; validation will ask for it
    return about


def _sentence(needed: tuple[str, ...], where: str) -> str:
    names = [Role(role).label for role in needed]
    listed = names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"
    named = f"{listed} {where}".rstrip()
    return f"This takes the role {named}. An administrator grants it."


def acting(change: Change, actor, *others: int) -> Any:
    """Lock and re-read the person who acts, and others by key; no grant of theirs moves meanwhile.

    Grants change only under their holder's lock. Call it first: people are locked before all else.
    Returns the actor, or with `others` a list: the actor, then the others in the order given.
    Raises `NotAllowed` for the system, `Person.DoesNotExist` for an unknown key.
    """
    if isinstance(actor, Actor):
        raise NotAllowed(may(actor, "register"))
    found = change.lock(Person, *{actor.pk, *others})
    people = {person.pk: person for person in (found if isinstance(found, list) else [found])}
    if not others:
        return people[actor.pk]
    return [people[pk] for pk in (actor.pk, *others)]


def demand(person: Person, verb: str, about: Any = None) -> None:
    """Raise `NotAllowed` with every reason why `person` may not do `verb`."""
    if reasons := may(person, verb, about):
        raise NotAllowed(reasons)
