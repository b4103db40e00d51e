"""`visible_to(user)`: one question that every page, list, file, count and API row asks."""

from django.db.models import Q

from audit.models import GovernedManager, GovernedQuerySet


class VisibleQuerySet(GovernedQuerySet):
    """Rows seen by whoever holds any role; subclasses name the path to the owning team."""

    team_path = ""
    #: Path to a flag by which a team lets every other team see the row.
    shared_path = ""

    def visible_to(self, user):
        """A grant in a team gives sight of that team's rows, a grant for all of all rows."""
        if not user.grants:
            return self.none()
        if user.sees_all or not self.team_path:
            return self
        seen = Q(**{f"{self.team_path}__in": user.team_ids})
        if self.shared_path:
            seen |= Q(**{self.shared_path: True})
        return self.filter(seen)


def visible(team_path: str = "", shared_path: str = ""):
    """Return a manager whose `visible_to` follows `team_path` to the owning team's key."""
    queryset = type(
        "VisibleByTeam",
        (VisibleQuerySet,),
        {"team_path": team_path, "shared_path": shared_path},
    )
    return GovernedManager.from_queryset(queryset)()


class SeesAll:
    """The eyes of a command: whoever runs it holds the database anyway."""

    pk, username = None, "the command"
    grants, sees_all, team_ids = (("auditor", None),), True, frozenset()


SEES_ALL = SeesAll()
