"""Keeping the facts of a request that was tried, and dropping them again."""

from urllib.parse import urlencode

from django.contrib import admin, messages
from django.http import HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse

from audit import Reason, Refused
from registry.models import UseCase
from registry.rights import may
from runtime import transitions
from runtime.asking import PARAMETERS, read_facts
from runtime.forms import KeepForm, ReasonForm
from runtime.keeping import written
from runtime.models import KeptFacts
from runtime.pages.verbs import asks

#: What an address says of the facts; an instant is no part of them.
ASKED = ("use_case", *sorted(PARAMETERS - {"at"}))


@asks
def keep(request):
    """Give the facts that the address names a name of their own, and keep them."""
    given = {name: request.GET[name] for name in ASKED if request.GET.get(name)}
    use_cases = UseCase.objects.visible_to(request.user).select_related("team")
    use_case = get_object_or_404(use_cases, slug=given.get("use_case", ""))
    back = f"{reverse('admin:route_try')}?{urlencode(given)}"
    facts, reasons = read_facts(given, use_case.slug)
    objections = may(request.user, "operate", use_case)
    return _ask(
        request,
        title=f"Keep test facts of {use_case.slug}",
        lead="Drills and rollbacks try them again, to say what would become of such a request.",
        button="Keep",
        form=KeepForm,
        call=lambda cleaned: transitions.keep_facts(
            use_case,
            name=cleaned["name"],
            facts=facts,
            expected=cleaned["expected"],
            actor=request.user,
            reason=cleaned["reason"],
        ),
        back=back,
        objections=objections or [*reasons],
        facts=[
            {"label": "Use case", "value": use_case.slug},
            {"label": "Facts", "value": written(facts) if facts else "–"},
        ],
    )


@asks
def drop(request, pk):
    """Drop test facts."""
    rows = KeptFacts.objects.visible_to(request.user).filter(dropped_at=None)
    found = get_object_or_404(rows.select_related("use_case__team"), pk=pk)
    return _ask(
        request,
        title=f"Drop the test facts “{found}” of {found.use_case.slug}",
        lead="Nothing is tried by them any more; the record keeps them.",
        button="Drop",
        form=ReasonForm,
        call=lambda cleaned: transitions.drop_facts(
            found.pk, actor=request.user, reason=cleaned["reason"]
        ),
        back=f"{reverse('admin:route_try')}?use_case={found.use_case.slug}",
        objections=may(request.user, "operate", found.use_case),
        facts=[{"label": "Facts", "value": found.facts}],
    )


def _ask(
    request, *, title, lead, button, form, call, back, objections: list[Reason], facts: list[dict]
):
    shown, status = form(), 200
    if objections:
        status = 403 if any(one.code == "NOT_ALLOWED" for one in objections) else 400
    elif request.method == "POST":
        shown, status = form(request.POST), 422
        if shown.is_valid():
            try:
                call(shown.cleaned_data)
            except Refused as refused:
                shown.refuse(refused)
                status = refused.status
            else:
                messages.success(request, "It is done.")
                return HttpResponseRedirect(back)
    context = {
        **admin.site.each_context(request),
        "title": title,
        "lead": lead,
        "button": button,
        "form": shown,
        "back": back,
        "objections": objections,
        "facts": facts,
    }
    request.current_app = admin.site.name
    return TemplateResponse(request, "runtime/keep.html", context, status=status)
