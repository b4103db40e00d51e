"""The page that brings in a model card: first the plan, then the import that was shown."""

from django.contrib import admin, messages
from django.http import HttpResponseRedirect
from django.template.response import TemplateResponse
from django.views.decorators.http import require_http_methods

from audit import Refused
from evidence.imports import carrying
from evidence.imports.forms import CardForm
from evidence.imports.said import slug_of
from registry import rights
from registry.cards import rendered
from registry.models import ModelVersion

#: How each verb of a plan is drawn, and its word.
DRAWN = {
    "create": ("added", "Create"),
    "change": ("changed", "Change"),
    "link": ("met", "Link"),
    "skip": ("missing", "Skip"),
    "conflict": ("disagrees", "Conflict"),
}


@require_http_methods(["GET", "HEAD", "POST"])
def card(request):
    """Ask for a card, show its plan, and import it once somebody agrees to that plan."""
    objections = rights.may(request.user, "register")
    form = CardForm(request.POST or None, request.FILES or None, user=request.user)
    if objections:
        return _answer(request, CardForm(user=request.user), 403, objections=objections)
    if request.method != "POST":
        return _answer(request, form, 200)
    if not form.is_valid():
        form.keep()
        return _answer(request, form, 422)
    return _planned_or_done(request, form)


def _planned_or_done(request, form: CardForm):
    try:
        said = form.read()
        form.keep()
        wish = form.wish()
        plan = carrying.make(said, wish, actor=request.user)
        shown = form.cleaned_data["plan"]
        if "import" in request.POST and shown == plan.digest:
            plan = carrying.carry_out(
                said,
                wish,
                actor=request.user,
                reason=form.cleaned_data["reason"],
                shown=shown,
            )
            return _gone(request, said, plan)
    except Refused as refused:
        form.refuse(refused)
        return _answer(request, form, refused.status)
    form.keep(plan.digest)
    changed = "import" in request.POST
    body = rendered(said.models[0].versions[0].card)
    return _answer(request, form, 409 if changed else 200, plan=plan, changed=changed, card=body)


def _gone(request, said, plan):
    model = said.models[0]
    version = ModelVersion.objects.visible_to(request.user).filter(
        model__slug=slug_of(model.name), version=model.versions[0].name
    )
    messages.success(
        request,
        "The card is imported." if plan.writes else "All of it was here already; nothing changed.",
    )
    found = version.first()
    return HttpResponseRedirect(found.get_absolute_url() if found else request.path)


def _answer(request, form, status, *, plan=None, changed=False, card="", objections=()):
    steps = plan.steps if plan else ()
    context = {
        **admin.site.each_context(request),
        "title": "Import a model card",
        "form": form,
        "plan": plan,
        "steps": [
            {"step": step, "state": DRAWN[step.verb][0], "word": DRAWN[step.verb][1]}
            for step in steps
        ],
        "changed": changed,
        "card": card,
        "objections": objections,
    }
    return TemplateResponse(request, "evidence/import_card.html", context, status=status)
