"""What somebody would leave open if they were deactivated; the pages show it before it is done."""

from dataclasses import dataclass

from registry import people_checks
from registry.models import ApiToken, ModelVersion, Person, Release, RoleGrant


@dataclass(frozen=True)
class OpenEnd:
    """One thing that would be left: a code, a sentence, and where to look."""

    code: str
    sentence: str
    url: str = ""


def open_ends(person: Person) -> list[OpenEnd]:
    """Return all that `person` leaves open: in the registry, and what apps above add."""
    ends = [
        *_grants(person),
        *_tokens(person),
        *_drafts(person),
    ]
    for check in people_checks:
        ends += check(person)
    return ends


def _grants(person: Person) -> list[OpenEnd]:
    """Each grant in force; those that nobody else holds are said to be the only ones."""
    grants = list(RoleGrant.objects.in_force().filter(person=person).select_related("team"))
    others = set(
        RoleGrant.objects.in_force()
        .filter(person__is_active=True, role__in={grant.role for grant in grants})
        .exclude(person=person)
        .values_list("role", "team_id")
    )
    ends = []
    for grant in grants:
        alone = not others & {(grant.role, grant.team_id), (grant.role, None)}
        where = f"in the team {grant.team}" if grant.team else "for all teams"
        sentence = f"The role {grant.get_role_display()} {where} stays granted."
        if alone:
            sentence = f"Nobody else is {grant.get_role_display()} {where}."
        url = f"/registry/rolegrant/{grant.pk}/change/"
        ends.append(OpenEnd("ONLY_HOLDER" if alone else "GRANT", sentence, url))
    return ends


def _tokens(person: Person) -> list[OpenEnd]:
    return [
        OpenEnd(
            "TOKEN",
            f"The token “{token.name}” stops working.",
            f"/registry/apitoken/{token.pk}/change/",
        )
        for token in ApiToken.objects.filter(user=person, revoked_at=None)
        if token.is_live
    ]


def _drafts(person: Person) -> list[OpenEnd]:
    versions = ModelVersion.objects.filter(created_by=person, sealed_at=None)
    releases = Release.objects.filter(created_by=person, sealed_at=None)
    return [
        OpenEnd("DRAFT", f"Draft {row._meta.verbose_name} {row} is not sealed.", _form(row))
        for row in (
            *versions.select_related("model"),
            *releases.select_related("use_case"),
        )
    ]


def _form(row) -> str:
    return f"/registry/{row._meta.model_name}/{row.pk}/change/"
