"""Who had a hand in what is asked: the people whose signature cannot be one of those wanted."""

from collections.abc import Iterable

from audit.models import Entry
from evidence.models import EvaluationRun, EvidenceItem
from gates.facts import Gathered
from gates.models import Promotion
from gates.rules import Finding
from registry.models import Environment, Person, Release

#: Events by which somebody had a hand in what a promotion asks for and rests on.
ASKING = ("promotion.amended", "promotion.submitted", "promotion.evidence_taken_in")


class Ties:
    """Codes of `gates.rules.signing.TIES` by person."""

    def __init__(self):
        self._found: dict[int, set[str]] = {}

    def add(self, code: str, people: Iterable[int | None]) -> None:
        """Tie everybody in `people`; nobody (None) is passed over."""
        for pk in people:
            if pk is not None:
                self._found.setdefault(pk, set()).add(code)

    def of(self, person: int) -> tuple[str, ...]:
        """Return the codes of one person."""
        return tuple(sorted(self._found.get(person, ())))

    def sorted(self) -> dict[int, tuple[str, ...]]:
        """Return all of them, each person's codes in order."""
        return {pk: tuple(sorted(codes)) for pk, codes in self._found.items()}


def ties(
    promotion: Promotion, endpoints: list, gathered: Gathered, findings: Iterable[Finding]
) -> dict[int, tuple[str, ...]]:
    """Return everybody who had a hand in what a promotion asks, with the codes of how.

    Who asked or edited the request; who made the release, its prompt versions and tool grants,
    and the endpoints; who gave evidence that was taken in for the release, or what its findings
    rest on, with every run in it; who asked for a waiver that it rests on.
    """
    release = promotion.release
    found = Ties()
    _add_request(found, promotion)
    _add_release(found, release)
    _add_endpoints(found, endpoints)
    rested_on = {pk for finding in findings for pk in finding.evidence}
    up_to = promotion.evidence_up_to
    # What is not taken in yet changes nothing: it would void signatures by its giver alone.
    counted = {
        pk: item
        for pk, item in gathered.items.items()
        if pk in rested_on
        or (item.release_id == release.pk and (up_to is None or item.change.number <= up_to))
    }
    found.add("gave_evidence", (item.author_id for item in counted.values()))
    runs = EvaluationRun.objects.filter(item__in=counted)
    if up_to is not None:
        runs = runs.filter(change__number__lte=up_to)
    found.add("gave_evidence", runs.values_list("given_by", flat=True))
    rested_runs = {run for finding in findings for run in finding.runs}
    found.add(
        "gave_evidence",
        (
            score.run.given_by_id
            for (run, _), score in gathered.scores.items()
            if run in rested_runs
        ),
    )
    found.add(
        "asked_waiver",
        (gathered.waivers[one.waiver].asked_by_id for one in findings if one.waiver is not None),
    )
    return found.sorted()


def ties_of(
    person: Person, release: Release, environment: Environment, endpoints: list = ()
) -> tuple[str, ...]:
    """Return how `person` had a hand in letting a release into an environment, asked for or not.

    Before anything is asked for there is no package to name people; so this looks at the release,
    all evidence about it, these endpoints, and every open request for it there with its own.
    """
    found = Ties()
    _add_release(found, release)
    _add_endpoints(found, list(endpoints))
    items = EvidenceItem.objects.filter(release=release)
    found.add("gave_evidence", items.values_list("author_id", flat=True))
    found.add("gave_evidence", items.values_list("runs__given_by", flat=True))
    asked = Promotion.objects.filter(
        release=release, environment=environment, state__in=Promotion.UNDECIDED
    )
    for promotion in asked:
        _add_request(found, promotion)
        links = promotion.endpoint_links.select_related("endpoint")
        _add_endpoints(found, [link.endpoint for link in links])
    return found.of(person.pk)


def _authors(history, **where) -> Iterable[int | None]:
    return history.filter(**where).values_list("history_user_id", flat=True).distinct()


def _add_request(found: Ties, promotion: Promotion) -> None:
    found.add("requester", [promotion.requested_by_id])
    links = promotion.endpoint_links.model.history
    found.add("edited_request", _authors(links, promotion=promotion))
    # By the log, not the history: a signature that decides writes the promotion's row as well.
    asked = Entry.objects.filter(row=promotion.key, event__in=ASKING)
    found.add("edited_request", asked.values_list("change__actor_id", flat=True))


def _add_release(found: Ties, release: Release) -> None:
    found.add("made_release", [release.created_by_id])
    found.add("made_release", _authors(type(release).history, id=release.pk))
    found.add("granted_tool", _authors(release.tool_grants.model.history, release=release))
    for part in (release.prompt_links.model, release.objectives.model):
        found.add("made_release", _authors(part.history, release=release))
    prompts = release.prompt_links.values_list("prompt_version__created_by_id", flat=True)
    found.add("made_prompt", prompts)


def _add_endpoints(found: Ties, endpoints: list) -> None:
    if not endpoints:
        return
    pks = [endpoint.pk for endpoint in endpoints]
    found.add("made_endpoint", _authors(type(endpoints[0]).history, id__in=pks))
    regions = endpoints[0].region_links.model
    found.add("made_endpoint", _authors(regions.history, endpoint__in=pks))
