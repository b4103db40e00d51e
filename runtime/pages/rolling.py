"""The pages of going back: what to choose from, a dry run, and what somebody else finds later."""

from collections.abc import Collection
from functools import partial
from typing import Any

from django.contrib import admin
from django.http import Http404, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse

from audit import Reason, Refused, clock
from registry.models import Environment, UseCase
from registry.rights import may
from runtime import transitions
from runtime.changing import seen_use_cases, told
from runtime.differences import differences
from runtime.forms import ReviewForm, RollBackForm
from runtime.incidents.rules import number_of
from runtime.models import Activation, Incident, Rollback
from runtime.pages.verbs import Verb, ask, asks, visible_environment
from runtime.replaying import broken, counted, replay
from runtime.routers import acknowledgements
from runtime.targets import Target, target_of, targets_of
from runtime.transitions.rolling import moved_by

#: Replayed facts that a dry run names.
SHOWN = 100


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
    objections += _not_now(request, chosen, seen_use_cases(request.user, _use_cases(chosen)))
    return ask(request, _verb(request, environment, chosen, objections), "runtime/going_back.html")


def _choose(request, environment: Environment):
    """Show what one may go back to, and why not to the others."""
    targets = targets_of(environment)
    slugs = {slug for one in targets for slug in {*_use_cases(one), one.use_case}}
    seen = seen_use_cases(request.user, slugs)
    part_of = _part_of(request)
    rows = [
        {
            "title": _title(one),
            "query": f"?generation={one.activation.generation}"
            + (f"&use_case={one.use_case}" if one.use_case else "")
            + (f"&part_of={part_of}" if part_of else ""),
            "use_case": one.use_case,
            "activation": one.activation,
            "objections": _not_now(request, one, seen),
            **_moves(one, seen),
        }
        for one in targets
        # Of a use case that the reader may not see there is no line: it has no name to go by.
        if not one.use_case or one.use_case in seen
    ]
    context = {
        **admin.site.each_context(request),
        "title": f"Roll back {environment.slug}",
        "environment": environment,
        "of_use_cases": [one for one in rows if one["use_case"]],
        "of_all": [one for one in rows if not one["use_case"]],
    }
    context["any"] = any(
        not one["objections"] for one in (*context["of_use_cases"], *context["of_all"])
    )
    request.current_app = admin.site.name
    return TemplateResponse(request, "runtime/roll_back.html", context)


def _part_of(request) -> str:
    """Return the number of the incident that the address names, or nothing."""
    number = number_of(request.GET.get("part_of", ""))
    return str(number) if number is not None else ""


def _title(target: Target) -> str:
    if not target.use_case:
        return f"Generation {target.activation.generation}"
    numbers = sorted(
        {
            one["release"]["number"]
            for one in target.after["deployments"]
            if one["use_case"] == target.use_case
        }
    )
    listed = " and ".join(str(number) for number in numbers)
    return f"{target.use_case} to release {listed}" if listed else f"{target.use_case}, as it was"


def _not_now(request, target: Target, seen: Collection[str]) -> list[Reason]:
    """Return why it cannot be chosen; of use cases that are not seen, that it cannot."""
    reasons = []
    for one in target.moved:
        off = may(request.user, "operate", one)
        reasons += off if one.use_case.slug in seen else _elsewhere(off)
    if not target.moved:
        reasons.append(Reason("NOTHING_TO_DO", "What it offered is offered now."))
    return [*dict.fromkeys(reasons), *target.objections(seen)]


def _elsewhere(reasons: list[Reason]) -> list[Reason]:
    """Return the same reasons without the names of teams that the reader may not see."""
    sentence = "This takes the role in the team of every use case that it moves."
    return [Reason(one.code, sentence) for one in reasons]


def _use_cases(target: Target) -> set[str]:
    return {one.use_case.slug for one in target.moved} | {slug for slug, _ in target.against}


def _moves(target: Target, seen: Collection[str]) -> dict[str, Any]:
    """Return what would come and go, as far as the reader may see."""
    rows = (*target.leaving, *target.coming)
    return {
        "coming": sorted(one.name for one in target.coming if one.release.use_case.slug in seen),
        "leaving": sorted(one.name for one in target.leaving if one.release.use_case.slug in seen),
        "hidden": sum(1 for one in rows if one.release.use_case.slug not in seen),
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
        partial(RollBackForm, initial={"part_of": _part_of(request)}),
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
        f"{what} is back to what generation {number} offered.",
        objections,
        _dry_run(request, environment, chosen) if chosen else {},
    )


def _dry_run(request, environment: Environment, chosen: Target) -> dict[str, Any]:
    """Return what going back would do: what differs, how kept facts fare, and what is left."""
    found = differences(chosen.before, chosen.after)
    replayed = replay(chosen.before, chosen.after, clock.now())
    slugs = {slug for one in found for slug in one.use_cases}
    seen = seen_use_cases(request.user, slugs | {one.kept.use_case for one in replayed})
    left = [one for one in chosen.left if one.use_case.slug in seen]
    newest = environment.activations.order_by("-generation").values_list("generation", flat=True)
    return {
        "generation": chosen.activation.generation,
        "use_case": chosen.use_case,
        "next": newest[0] + 1,
        **told(found, seen),
        "replayed": counted(replayed),
        "replayed_total": len(replayed),
        "replayed_count": f"{len(replayed)} kept",
        "replayed_rows": [
            one
            for one in replayed
            if one.verdict in ("moved", "refused") and one.kept.use_case in seen
        ][:SHOWN],
        "broken": broken(one for one in replayed if one.kept.use_case in seen),
        "left": left,
    }


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
        reasons += off if one.slug in seen else _elsewhere(off)
    if found.rolled_back_by_id == request.user.pk:
        reasons.append(Reason("ONESELF", "You rolled back yourself; somebody else reviews that."))
    return list(dict.fromkeys(reasons))
