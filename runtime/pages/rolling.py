"""The pages of going back: what to choose from, a dry run, and what somebody else finds later."""

from functools import partial
from urllib.parse import urlencode

from django.contrib import admin
from django.http import Http404, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse

from audit import Reason, Refused, clock
from registry.models import Environment, UseCase
from registry.rights import may
from runtime import transitions
from runtime.changing import seen_use_cases
from runtime.dry_running import dry_run, elsewhere, objections_to, offered
from runtime.forms import ReviewForm, RollBackForm
from runtime.incidents.rules import number_of
from runtime.models import Activation, Incident, Rollback
from runtime.pages.verbs import Verb, ask, asks, visible_environment
from runtime.routers import acknowledgements
from runtime.targets import Target, target_of
from runtime.transitions.rolling import moved_by


@asks
def roll_back(request, slug):
    """Choose what to go back to, see what that would do, and do it."""
    environment = visible_environment(request, slug)
    objections = may(request.user, "operate")
    given = request.POST if request.method == "POST" else request.GET
    if not given.get("generation"):
        if objections:
            return ask(request, _verb(request, environment, None, objections))
        return _choose(request, environment)
    number, use_case = given["generation"], given.get("use_case", "")
    readable = number.isascii() and number.isdecimal() and len(number) < 9
    if use_case and not seen_use_cases(request.user, [use_case]):
        raise Http404
    chosen = target_of(environment, int(number), use_case) if readable else None
    if chosen is None:
        raise Http404
    objections = list(dict.fromkeys([*objections, *objections_to(chosen, request.user)]))
    verb = _verb(request, environment, chosen, objections)
    return ask(request, verb, "runtime/going_back.html")


def _choose(request, environment: Environment):
    """Show what one may go back to, and why not to the others."""
    rows = offered(environment, request.user)
    # An incident that sent somebody here is named on the next page too.
    named = {name: text for name, text in _incident(request).items() if text}
    for one in rows:
        asked = {name: one[name] for name in ("generation", "use_case") if one[name]}
        one["query"] = f"?{urlencode(asked | named)}"
    context = {
        **admin.site.each_context(request),
        "title": f"Roll back {environment.slug}",
        "environment": environment,
        "of_use_cases": [one for one in rows if one["use_case"]],
        "of_all": [one for one in rows if not one["use_case"]],
        "any": any(not one["objections"] for one in rows),
    }
    request.current_app = admin.site.name
    return TemplateResponse(request, "runtime/roll_back.html", context)


def _incident(request) -> dict[str, str]:
    """Return what the address says it is done for: an emergency by name, or an incident of ours."""
    number = number_of(request.GET.get("part_of", ""))
    return {
        "incident": request.GET.get("incident", "")[:200],
        "part_of": "" if number is None else str(number),
    }


def _verb(request, environment, chosen: Target | None, objections: list[Reason]) -> Verb:
    number = chosen.activation.generation if chosen else 0
    use_case = None
    if chosen and chosen.use_case:
        use_case = UseCase.objects.get(slug=chosen.use_case)
    what = f"{use_case} in {environment.slug}" if use_case else environment.slug
    return Verb(
        environment,
        f"Roll back {what}" + (f" to generation {number}" if chosen else ""),
        "A new generation offers again what that one offered. A release that is left is "
        "quarantined here until somebody lifts that with a reason.",
        "Roll back",
        partial(RollBackForm, request=request, initial=_incident(request)),
        lambda given: transitions.roll_back(
            environment,
            number,
            use_case=use_case,
            incident=given["incident"],
            part_of=given["part_of"],
            password=given["password"],
            actor=request.user,
            reason=given["reason"],
        ),
        f"Rolled back: {what} offers again what generation {number} offered.",
        objections,
        found=partial(dry_run, environment, chosen, request.user) if chosen else dict,
    )


# Afterwards


@asks
def rollback(request, pk):
    """What was gone back to, when, and what somebody else finds of an emergency."""
    rows = Rollback.objects.visible_to(request.user).select_related(
        "environment", "use_case", "rolled_back_by", "review__reviewed_by"
    )
    found = get_object_or_404(rows, pk=pk)
    reviewed = getattr(found, "review", None)
    objections = _objections(request, found)
    form, status = ReviewForm(), 200
    if request.method == "POST":
        form = ReviewForm(request.POST)
        if found.emergency and reviewed is None and objections:
            status = 403
        elif form.is_valid():
            try:
                transitions.review_rollback(
                    found.pk,
                    outcome=form.cleaned_data["outcome"],
                    actor=request.user,
                    reason=form.cleaned_data["reason"],
                )
            except Refused as refused:
                form.refuse(refused)
                status = refused.status
            else:
                return HttpResponseRedirect(found.get_absolute_url())
        else:
            status = 422
    known = seen_use_cases(request.user, [found.use_case.slug] if found.use_case else ())
    activations = Activation.objects.filter(change=found.change_id)
    activation = activations.select_related("change").first()
    context = {
        **admin.site.each_context(request),
        "title": f"Rollback of {found.environment.slug}",
        "row": found,
        "environment": found.environment,
        "use_case": found.use_case if known else None,
        "activation": activation,
        "acknowledgements": acknowledgements(activation) if activation else (),
        "incident": Incident.objects.visible_to(request.user).filter(links__rollback=found).first(),
        "reviewed": reviewed,
        "late": found.emergency and reviewed is None and found.review_due < clock.now(),
        "objections": objections,
        "form": form,
    }
    request.current_app = admin.site.name
    return TemplateResponse(request, "runtime/rollback.html", context, status=status)


def _objections(request, found: Rollback) -> list[Reason]:
    """Return why the reader may not review it."""
    moved, reasons = moved_by(found), []
    seen = seen_use_cases(request.user, {one.slug for one in moved})
    for one in moved:
        off = may(request.user, "review_rollback", one)
        reasons += off if one.slug in seen else elsewhere(off)
    if found.rolled_back_by_id == request.user.pk:
        reasons.append(Reason("ONESELF", "You rolled back yourself; somebody else reviews that."))
    return list(dict.fromkeys(reasons))
