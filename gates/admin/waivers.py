"""Admin pages of waivers: asked for from a finding, and answered with a password."""

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.safestring import SafeString

from audit import Refused, clock
from audit.admin import GovernedAdmin, VisibleRelatedFilter
from gates import previewing, transitions
from gates.forms import WaiverForm
from gates.models import Promotion, Waiver, WaiverAnswer
from gates.pages import gateversion, waiving
from gates.rules.waivers import answering_objections
from gates.transitions.waiving import answerer
from gates.waivers import WITH, state_of
from registry.admin.acts import AuthenticatedAct
from registry.models import Environment, Release
from registry.rights import may
from registry.showing import how


class Answer(AuthenticatedAct):
    """One of the two answers; whoever may not give one is told every reason."""

    right = "waive"

    def offered(self, row):
        return state_of(row) == "asked"

    def objections(self, model_admin, request, row):
        reasons = super().objections(model_admin, request, row)
        return reasons or answering_objections(
            answerer(request.user, row),
            asked_by=row.asked_by_id,
            answered=hasattr(row, "answer"),
            ends_at=row.ends_at,
            now=clock.now(),
        )

    def context(self, model_admin, request, row):
        told = {
            "Why it cannot be met now": row.reason,
            "What is done instead": row.compensating_control,
        }
        return {"facts": waiving.facts(row), "told": told}


class Grant(Answer):
    name = "grant"
    label = "Grant…"
    lead = "Until its end the waiver stands in for the requirement, and for no other."
    note = "It is counted on every page that shows the finding, and ends by itself."
    done = "The waiver is granted."
    primary = True

    def context(self, model_admin, request, row):
        effects = previewing.shown(request, previewing.Attempt())
        return {**super().context(model_admin, request, row), "effects": effects}

    def run(self, request, row, cleaned):
        transitions.grant_waiver(row.pk, actor=request.user, **cleaned)


class Refuse(Answer):
    name = "refuse"
    label = "Refuse…"
    lead = "The requirement stands as it is. Asking again takes a new waiver."
    done = "The waiver is refused."

    def run(self, request, row, cleaned):
        transitions.refuse_waiver(row.pk, actor=request.user, **cleaned)


class StateFilter(admin.SimpleListFilter):
    """How a waiver stands."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request, model_admin):
        return [(state, waiving.WORDS[state]) for state in waiving.WORDS]

    def queryset(self, request, queryset):
        now = clock.now()
        granted = queryset.filter(answer__verdict=WaiverAnswer.Verdict.GRANTED)
        match self.value():
            case "asked":
                return queryset.filter(answer=None, ends_at__gt=now)
            case "lapsed":
                return queryset.filter(answer=None, ends_at__lte=now)
            case "refused":
                return queryset.filter(answer__verdict=WaiverAnswer.Verdict.REFUSED)
            case "waived":
                return granted.filter(ends_at__gt=now)
            case "ended":
                return granted.filter(ends_at__lte=now)
        return queryset


@admin.register(Waiver)
class WaiverAdmin(GovernedAdmin):
    acts = (Grant(), Refuse())
    list_display = ("waiver", "about", "waives", "stands", "ends_at", "asked")
    list_filter = (StateFilter, ("environment", VisibleRelatedFilter))
    list_select_related = WITH
    search_fields = (
        "release__use_case__slug",
        "environment__slug",
        "requirement__code",
        "asked_by__username",
    )
    search_help_text = "Use case, environment, requirement or who asked."

    csv_columns = {
        "stands": {"how it stands": lambda row: waiving.WORDS[state_of(row)]},
        "asked": {"asked at": lambda row: row.asked_at, "asked by": lambda row: row.asked_by},
    }

    @admin.display(description="waiver", ordering="pk")
    def waiver(self, obj):
        return str(obj)

    @admin.display(description="lets")
    def about(self, obj):
        return f"{obj.release} into {obj.environment}"

    @admin.display(description="waives", ordering="requirement__code")
    def waives(self, obj):
        return obj.code

    @admin.display(description="how it stands")
    def stands(self, obj) -> SafeString:
        return gateversion.state_html(state_of(obj), waiving.WORDS[state_of(obj)])

    @admin.display(description="asked", ordering="asked_at")
    def asked(self, obj):
        return gateversion.when_html(obj.asked_at, obj.asked_by)

    def may(self, request, verb, obj=None):
        right = "waive" if verb == "waive" else "request"
        return may(request.user, right, Release if obj is None else obj.release)

    # Asking: from a finding of a release in an environment

    def add_view(self, request, form_url="", extra_context=None):
        if reasons := self.may(request, "add"):
            raise PermissionDenied(" ".join(reason.sentence for reason in reasons))
        release = self._named(request, "release", Release.objects.select_related("use_case__team"))
        environment = self._named(request, "environment", Environment.objects)
        if release is None or environment is None:
            return self._where(request)
        if against := may(request.user, "request", release):
            raise PermissionDenied(" ".join(reason.sentence for reason in against))
        asked = waiving.asking(release, environment)
        initial = {"requirement": request.GET.get("requirement", "")}
        form, status = WaiverForm(asked=asked, initial=initial), 200
        if request.method == "POST":
            form, status = WaiverForm(request.POST, asked=asked), 422
            if form.is_valid():
                try:
                    waiver = transitions.ask_waiver(
                        release=release,
                        environment=environment,
                        actor=request.user,
                        **form.values(),
                    )
                except Refused as refused:
                    form.refuse(refused)
                    status = refused.status
                else:
                    messages.success(request, f"Asked: {waiver} waits for a risk owner.")
                    return HttpResponseRedirect(waiver.get_absolute_url())
        context = {
            "release": release,
            "environment": environment,
            "asked": asked,
            "form": form,
        }
        title = f"Ask for a waiver: {release} into {environment}"
        return self._page(request, "gates/ask_waiver.html", title, context, status)

    def _named(self, request, name: str, rows):
        """Return the row that the address names, as far as it may be seen; None if none."""
        key = request.GET.get(name, "").strip()
        if not key:
            return None
        readable = key.isascii() and key.isdigit() and len(key) < 19
        row = rows.all().visible_to(request.user).filter(pk=key).first() if readable else None
        if row is None:
            raise Http404(f"There is no such {name}.")
        return row

    def _where(self, request):
        """Say where waivers are asked for: on the findings of what is asked for already."""
        rows = Promotion.objects.visible_to(request.user).filter(state__in=Promotion.UNDECIDED)
        shown = rows.select_related("release__use_case__team", "environment").order_by("-pk")
        context = {"promotions": shown[:20]}
        return self._page(request, "gates/ask_waiver_where.html", "Ask for a waiver", context)

    def _page(self, request, template: str, title: str, context: dict, status: int = 200):
        request.current_app = self.admin_site.name
        shell = {**self.admin_site.each_context(request), "opts": self.opts, "title": title}
        return TemplateResponse(request, template, {**shell, **context}, status=status)

    def change_view(self, request, object_id, form_url="", extra_context=None):
        """Show a waiver with its answer and what rests on it; nothing is amended."""
        waiver = self.get_object(request, object_id)
        if request.method not in ("GET", "HEAD"):
            raise PermissionDenied("A waiver never changes: ask for a new one.")
        context = {
            "waiver": waiver,
            "state": state_of(waiver),
            "word": waiving.WORDS[state_of(waiver)],
            "facts": waiving.facts(waiver),
            "answer": (answer := getattr(waiver, "answer", None)),
            "answered_how": how(answer.authentication) if answer else "",
            "act_buttons": self.act_buttons(request, waiver),
            "rests": waiving.rests_on(waiver, request.user),
            "history_url": self.history_url(waiver),
        }
        title = f"Waiver {waiver.pk}: {waiver.code}"
        return self._page(request, "gates/waiver.html", title, context)
