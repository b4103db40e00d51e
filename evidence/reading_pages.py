"""The page that reads scores from a file of an item, and gives them as runs."""

from audit import Reason, clock
from audit.admin import Act, ReasonForm
from audit.refusals import Conflict, NotAllowed
from evidence import transitions
from evidence.reading_forms import ReadScoresForm
from evidence.transitions.runs import ENDED
from registry import rights


class ReadScores(Act):
    name = "read-scores"
    label = "Read scores from a file…"
    right = "give"
    lead = "This is what the file says; nothing is recorded yet."
    note = "Say which registered metric each figure is. What is left empty is not given."
    done = "The scores are given. Each run counts once somebody else accepts it."
    template = "evidence/read_scores.html"

    def offered(self, row):
        return not hasattr(row, "withdrawal")

    def objections(self, model_admin, request, row):
        return [*super().objections(model_admin, request, row), *_standing(row)]

    def form(self, *args, request, row):
        """Return the form with what its reader makes of the file, for whoever may give scores."""
        asked = {"request": request, "row": row}
        if _not_allowed(request, row) or _standing(row) or not self.offered(row):
            return ReasonForm(*args[:1], **asked)
        return ReadScoresForm(*args[:1], **asked)

    def context(self, model_admin, request, row):
        return {"row_url": row.get_absolute_url()}

    def run(self, request, row, cleaned):
        if "given" not in cleaned:
            if reasons := _not_allowed(request, row):
                raise NotAllowed(reasons)
            raise Conflict(_standing(row))
        transitions.give_read_scores(
            row.pk, **cleaned["given"], actor=request.user, reason=cleaned["reason"]
        )


def _not_allowed(request, row) -> list[Reason]:
    return rights.may(request.user, "give_evidence", row.subject)


def _standing(row) -> list[Reason]:
    """Return why scores under this item would never count."""
    return [ENDED] if clock.now() >= row.expires_at else []
