"""Evidence in the portal: given here, found here, withdrawn and accepted through pages that ask."""

from datetime import datetime

from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponseRedirect, JsonResponse
from django.template.response import TemplateResponse

from audit import Reason, Refused, clock
from audit.admin import Act, GovernedAdmin, GovernedChangeList, panels_of
from evidence import rules, transitions
from evidence.forms import AddRunForm, GiveForm, SubjectForm, chosen_row
from evidence.kinds import KINDS
from evidence.models import EvaluationRun, EvidenceItem
from evidence.panels import about, give_url
from evidence.reading_pages import ReadScores
from evidence.transitions.items import subject_problems
from evidence.transitions.runs import ENDED
from evidence.views import state_of
from registry import rights
from registry.admin.base import Searched
from registry.models import ModelVersion, Release, SuiteVersion


class PageList(GovernedChangeList):
    """A list whose lines lead to the rows' own pages."""

    def url_for_result(self, result):
        return result.get_absolute_url()


def _withdrawn(item: EvidenceItem) -> list[Reason]:
    if not hasattr(item, "withdrawal"):
        return []
    return [Reason("WITHDRAWN", f"{item.withdrawal.withdrawn_by} withdrew this item already.")]


# Verbs of an item


class Withdraw(Act):
    name = "withdraw"
    label = "Withdraw…"
    lead = "It no longer counts, at once and for good."
    note = "Whatever rests on it ends. The item stays on record, with the reason."
    done = "The item is withdrawn."
    template = "evidence/withdraw.html"

    def offered(self, row):
        return not hasattr(row, "withdrawal")

    def context(self, model_admin, request, row):
        return {"row_url": row.get_absolute_url(), "panels": panels_of(request, row)}

    def run(self, request, row, cleaned):
        transitions.withdraw(row.pk, actor=request.user, reason=cleaned["reason"])


class Replace(Act):
    """Leads to the form for a new item, with the old one named."""

    name = "replace"
    label = "Replace…"
    right = "give"

    def offered(self, row):
        return not hasattr(row, "withdrawal") and not hasattr(row, "replaced_by")

    def url(self, row):
        return give_url(kind=row.kind, replaces=row.pk, **about(row.subject))

    def answer(self, model_admin, request, row):
        return HttpResponseRedirect(self.url(row))


class AddRun(Act):
    name = "add-run"
    label = "Add a run…"
    right = "give"
    lead = "One run of a suite, with its scores."
    note = "It counts, for or against, once somebody else accepts it."
    done = "The run is given. It counts once somebody else accepts it."
    form = AddRunForm
    template = "evidence/add_run.html"

    def offered(self, row):
        return not hasattr(row, "withdrawal")

    def objections(self, model_admin, request, row):
        reasons = super().objections(model_admin, request, row)
        return [*reasons, ENDED] if clock.now() >= row.expires_at else reasons

    def context(self, model_admin, request, row):
        suites = SuiteVersion.objects.visible_to(request.user).select_related("suite")
        return {"row_url": row.get_absolute_url(), "suite_versions": suites}

    def run(self, request, row, cleaned):
        return transitions.add_run(
            row.pk, **cleaned["run"], actor=request.user, reason=cleaned["reason"]
        )


class StateFilter(admin.SimpleListFilter):
    """Whether an item stands, has ended, or was withdrawn."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request, model_admin):
        words = {rules.State.ENDED: "expired"}
        return [(state.value, words.get(state, state.value)) for state in rules.State]

    def queryset(self, request, queryset):
        now = clock.now()
        match self.value():
            case rules.State.STANDS:
                return queryset.filter(withdrawal=None, expires_at__gt=now)
            case rules.State.ENDED:
                return queryset.filter(withdrawal=None, expires_at__lte=now)
            case rules.State.WITHDRAWN:
                return queryset.filter(withdrawal__isnull=False)
        return queryset


def _unbroken(day: datetime) -> str:
    """Return a day that stays in one line."""
    return f"{day:%d %b %Y}".replace(" ", "\u00a0")


@admin.register(EvidenceItem)
class EvidenceItemAdmin(Searched, GovernedAdmin):
    list_display = ("title", "kind", "subject", "verdict", "state", "author", "changed")
    list_filter = (StateFilter, "kind", "verdict", "standing")
    list_select_related = (
        "release__use_case",
        "version__model",
        "author",
        "withdrawal__withdrawn_by",
        "replaced_by",
    )
    list_late = (
        "answers",
        "content",
        "release__content",
        "version__card",
        "version__content",
    )
    search_fields = (
        "title",
        "vouched_by",
        "digest",
        "release__use_case__slug",
        "version__model__slug",
        "files__name",
        "files__sha256",
    )
    date_hierarchy = "created_at"
    acts = (ReadScores(), AddRun(), Replace(), Withdraw())
    fields = (
        "kind",
        "title",
        "release",
        "version",
        "verdict",
        "standing",
        "vouched_by",
        "author",
        "created_at",
        "expires_at",
        "replaces",
        "digest",
    )
    readonly_fields = ("author", "created_at", "digest")

    def may(self, request, verb, obj=None):
        right = "withdraw_evidence" if verb == "withdraw" else "give_evidence"
        return rights.may(request.user, right, EvidenceItem if obj is None else obj.subject)

    csv_by = "created_at"
    csv_columns = {
        "state": {
            "state": lambda row: {"ended": "expired"}.get(state_of(row), str(state_of(row))),
            "expires at": lambda row: row.expires_at,
            "withdrawn at": lambda row: (
                row.withdrawal.withdrawn_at if hasattr(row, "withdrawal") else None
            ),
        }
    }

    @admin.display(description="about")
    def subject(self, obj):
        return str(obj.subject)

    @admin.display(description="state", ordering="expires_at")
    def state(self, obj):
        match state_of(obj):
            case rules.State.WITHDRAWN:
                return f"withdrawn {_unbroken(obj.withdrawal.withdrawn_at)}"
            case rules.State.ENDED:
                return f"expired {_unbroken(obj.expires_at)}"
        ends = _unbroken(obj.expires_at)
        said = rules.expiry(obj.expires_at, clock.now())
        return f"{said[1].lower()}, {ends}" if said else f"good until {ends}"

    def get_changelist(self, request, **kwargs):
        return PageList

    # Giving: first what about, then the questions that follow from it

    def add_view(self, request, form_url="", extra_context=None):
        if reasons := self.may(request, "give"):
            raise PermissionDenied(" ".join(reason.sentence for reason in reasons))
        kind, subjects = KINDS.get(request.GET.get("kind", "")), self._subjects(request)
        if kind is None or len(subjects) != 1:
            return self._choose(request)
        return self._give(request, kind, subjects[0])

    def _subjects(self, request) -> list:
        """Return the release and version that the address names; 404 for one not to be seen."""
        found = []
        for name, model in (("release", Release), ("version", ModelVersion)):
            if key := request.GET.get(name):
                found.append(chosen_row(model, key, request.user))
        if None in found:
            raise Http404("There is nothing here that you may give evidence about.")
        return found

    def _choose(self, request):
        bound = request.GET if "chosen" in request.GET else None
        form = SubjectForm(bound, user=request.user, initial=request.GET.dict())
        context = self._context(request, "Give evidence", form=form)
        status = 422 if form.is_bound and form.errors else 200
        return TemplateResponse(request, "evidence/choose.html", context, status=status)

    def _give(self, request, kind, subject):
        suite = chosen_row(SuiteVersion, request.GET.get("suite_version"), request.user)
        asked = {"kind": kind, "subject": subject, "suite_version": suite, "request": request}
        not_allowed = rights.may(request.user, "give_evidence", subject)
        objections = [*not_allowed, *subject_problems(kind, subject)]
        status = 403 if not_allowed else 200
        form = GiveForm(initial={"replaces": request.GET.get("replaces")}, **asked)
        if request.method == "POST":
            form, status = GiveForm(request.POST, request.FILES, **asked), 422
            if form.is_valid():
                try:
                    item = transitions.give(
                        **form.values(),
                        actor=request.user,
                        reason=form.cleaned_data["reason"],
                    )
                except Refused as refused:
                    form.refuse(refused)
                    status = refused.status
                else:
                    messages.success(request, f"“{item}” is given.")
                    return self._given(request, item)
        context = self._context(
            request,
            f"Give evidence: {kind.name.lower()} about {subject}",
            form=form,
            kind=kind,
            subject=subject,
            suite_version=suite,
            objections=objections,
            back=give_url(**about(subject)),
            files_lost=bool(request.FILES),
            limits={
                "file": settings.EVIDENCE_FILE_MAX_BYTES,
                "item": settings.EVIDENCE_ITEM_MAX_BYTES,
            },
        )
        return TemplateResponse(request, "evidence/give.html", context, status=status)

    def _given(self, request, item):
        """Lead to the item; a script that sent the files is told where to go on."""
        address = item.get_absolute_url()
        if request.headers.get("X-Requested-With") == "XMLHttpRequest":
            return JsonResponse({"location": address}, status=201)
        return HttpResponseRedirect(address)

    def _context(self, request, title: str, **more) -> dict:
        request.current_app = self.admin_site.name
        return {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": title,
            **more,
        }


# Verbs of a run


class Accept(Act):
    name = "accept"
    label = "Accept…"
    lead = "The run counts from now on, for or against."
    note = "Accepting says that its figures may be relied on; it cannot be taken back."
    done = "The run is accepted and counts."
    template = "evidence/accept.html"

    def offered(self, row):
        return not hasattr(row, "acceptance")

    def objections(self, model_admin, request, row):
        return [*super().objections(model_admin, request, row), *_withdrawn(row.item)]

    def context(self, model_admin, request, row):
        scores = row.scores.select_related("metric").order_by("metric__name")
        return {"row_url": row.get_absolute_url(), "scores": scores}

    def run(self, request, row, cleaned):
        transitions.accept_run(row.pk, actor=request.user, reason=cleaned["reason"])


class AcceptedFilter(admin.SimpleListFilter):
    """Runs that count, and runs that wait for somebody to accept them."""

    title = "acceptance"
    parameter_name = "accepted"

    def lookups(self, request, model_admin):
        return (("yes", "accepted"), ("no", "not accepted yet"))

    def queryset(self, request, queryset):
        if self.value() in ("yes", "no"):
            return queryset.filter(acceptance__isnull=self.value() == "no")
        return queryset


@admin.register(EvaluationRun)
class EvaluationRunAdmin(GovernedAdmin):
    list_display = ("__str__", "subject", "ran_at", "completeness", "given_by", "accepted")
    list_filter = (AcceptedFilter, "completeness", "suite_version")
    list_select_related = (
        "suite_version__suite",
        "item__release__use_case__team",
        "item__version__model__team",
        "item__withdrawal__withdrawn_by",
        "given_by",
        "acceptance__accepted_by",
    )
    naming = {"suite_version": ("suite",)}
    search_fields = ("suite_version__suite__slug", "source", "item__title")
    date_hierarchy = "ran_at"
    acts = (Accept(),)
    fields = ("suite_version", "ran_at", "completeness", "source", "config", "given_by")
    readonly_fields = ("given_by",)

    def may(self, request, verb, obj=None):
        if verb == "accept" and obj is not None:
            return transitions.may_accept(request.user, obj, obj.item)
        if verb == "add":
            return [Reason("UNDER_AN_ITEM", "A run is given on the page of its evidence item.")]
        return rights.may(request.user, "give_evidence", obj.item.subject if obj else EvidenceItem)

    @admin.display(description="about")
    def subject(self, obj):
        return str(obj.item.subject)

    @admin.display(description="acceptance")
    def accepted(self, obj):
        if hasattr(obj, "acceptance"):
            return f"accepted by {obj.acceptance.accepted_by}"
        return "not accepted yet"

    def get_changelist(self, request, **kwargs):
        return PageList
