"""The sidebar: six groups of pages and registered nouns, with what one person may see of them."""

from collections.abc import Callable
from dataclasses import dataclass, field

from django.urls import NoReverseMatch, reverse
from django.utils.module_loading import import_string

from audit.api.entries import reads_the_log
from portal.pages import PAGES

GROUPS = ("Work", "Runtime", "Gates", "Evidence", "Registry", "Audit")

# Where a noun stands when its app's own group is not the place people look for it.
ELSEWHERE = {
    "gates.promotion": "Work",
    "registry.environment": "Runtime",
    "registry.router": "Runtime",
    "gates.webhook": "Registry",
    "registry.evaluationsuite": "Evidence",
    "registry.suiteversion": "Evidence",
}

# The order inside the groups; what is not named follows by name.
ORDER = (
    "index",
    "gates.promotion",
    "gates.waiver",
    "gates.condition",
    "gates.breakglass",
    "evidence.evidenceitem",
    "evidence.evaluationrun",
    "registry.evaluationsuite",
    "registry.suiteversion",
    "registry.usecase",
    "registry.release",
    "registry.registeredmodel",
    "registry.modelversion",
    "registry.servingendpoint",
    "registry.prompttemplate",
    "registry.promptversion",
    "registry.policypack",
    "registry.policyversion",
    "registry.tool",
    "registry.dataset",
    "registry.datasetversion",
    "registry.provider",
    "registry.region",
    "registry.team",
    "registry.person",
    "registry.rolegrant",
    "registry.apitoken",
    "gates.webhook",
    "registry.environment",
    "running",
    "requests",
    "outside",
    "incidents",
    "timeline",
    "registry.router",
    "may_run",
    "route_try",
    "drill",
    "on_call",
    "audit",
    "api_docs",
)

# Pages that answer a question and belong to no noun: their group, name and words.
QUESTIONS = (
    ("Runtime", "running", "What runs where"),
    ("Runtime", "requests", "Requests"),
    ("Runtime", "outside", "Outside the registry"),
    ("Runtime", "incidents", "Incidents"),
    ("Runtime", "timeline", "What changed"),
    ("Runtime", "may_run", "What may run"),
    ("Runtime", "route_try", "Try a route"),
    ("Runtime", "drill", "Fallback drill"),
    ("Runtime", "on_call", "On call"),
    ("Audit", "audit", "Log"),
    ("Audit", "api_docs", "API"),
)

# Who is shown a page of these; all others are shown to everybody.
ONLY_FOR: dict[str, Callable] = {"audit": reads_the_log}

# Quiet figures beside entries: `(request) -> int`, by entry, as dotted paths. The first is
# the one filled figure of the page: what waits for the reader.
COUNTS: dict[str, str] = {
    "index": "portal.overview.count_waiting",
    "gates.promotion": "portal.overview.count_in_review",
}


@dataclass
class Entry:
    """One line of the sidebar."""

    key: str
    label: str
    url: str
    add_url: str = ""
    current: bool = False
    count: int | None = None

    @property
    def filled(self) -> bool:
        """Whether its figure stands out, because somebody waits for the reader."""
        return self.key == "index"


@dataclass
class Group:
    """A heading of the sidebar and the entries below it."""

    label: str
    entries: list[Entry] = field(default_factory=list)

    @property
    def slug(self) -> str:
        return self.label.lower()

    @property
    def others(self) -> list[Entry]:
        """The entries without the overview, for the overview itself."""
        return [entry for entry in self.entries if entry.key != "index"]


def build(site, request) -> list[Group]:
    """Return the groups that hold at least one entry the reader may open."""
    # Built late, when a page shows it: by then the reader may have signed out.
    if not site.has_permission(request):
        return []
    groups = {label: Group(label) for label in GROUPS}
    groups["Work"].entries.append(Entry("index", "Overview", reverse("admin:index")))
    for app in site.get_app_list(request):
        for noun in app["models"]:
            if noun["admin_url"] is None:
                continue
            meta = noun["model"]._meta
            label = ELSEWHERE.get(meta.label_lower, app["app_label"].capitalize())
            # An app outside our own house still gets a line, where administrators look.
            groups.get(label, groups["Audit"]).entries.append(
                Entry(meta.label_lower, noun["name"], noun["admin_url"], noun["add_url"] or "")
            )
    for label, name, words in QUESTIONS:
        if name in ONLY_FOR and not ONLY_FOR[name](request.user):
            continue
        groups[label].entries.append(Entry(name, words, reverse(f"admin:{name}")))
    rank = {key: place for place, key in enumerate(ORDER)}
    current = _current(request)
    for group in groups.values():
        group.entries.sort(key=lambda entry: (rank.get(entry.key, len(rank)), entry.label))
        for entry in group.entries:
            entry.current = entry.key == current
            if counter := COUNTS.get(entry.key):
                count: Callable = import_string(counter)
                entry.count = count(request)
    return [group for group in groups.values() if group.entries]


def _current(request) -> str:
    """Return the key of the entry that the page on show belongs to, or an empty string."""
    match = getattr(request, "resolver_match", None)
    if match is None or not match.url_name:
        return ""
    for page in PAGES:
        if page.name == match.url_name:
            return page.place or page.name
    if match.url_name == "index":
        return "index"
    # The admin names its pages <app>_<model>_<page>.
    app, _, rest = match.url_name.partition("_")
    model = rest.rpartition("_")[0].removesuffix("_simple")
    try:
        reverse(f"admin:{app}_{model}_changelist")
    except NoReverseMatch:
        return ""
    return f"{app}.{model}"
