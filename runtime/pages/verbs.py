"""Pages that ask before something runs or stops; each posts to one verb."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from django.contrib import admin, messages
from django.http import Http404, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.views.decorators.http import require_http_methods

from audit import Reason, Refused
from gates.decisions import decide
from registry.models import Environment, Release, ServingEndpoint
from registry.rights import may
from runtime import transitions
from runtime.forms import ActivateForm, ReasonForm, SecuredForm, SuspendForm
from runtime.models import Deployment, Suspension
from runtime.previewing import suspended
from runtime.transitions.suspending import NOUNS

asks = require_http_methods(["GET", "HEAD", "POST"])


@dataclass
class Verb:
    """What one page asks: a title, what will happen, a form, why not, and the call."""

    environment: Environment
    title: str
    lead: str
    button: str
    form: Callable
    call: Callable[[dict], object]
    done: str
    objections: list[Reason] = field(default_factory=list)
    #: What the page shows above its form.
    context: dict = field(default_factory=dict)
    #: What it shows there as well and takes long to find: asked for only when it is shown.
    found: Callable[[], dict] = dict


def ask(request, verb: Verb, template: str = "runtime/verb.html"):
    """Show the page, or do what was posted and go back to the environment."""
    form, status = verb.form(), 200
    if verb.objections:
        status = 403 if any(one.code == "NOT_ALLOWED" for one in verb.objections) else 200
    if request.method == "POST":
        form, status = verb.form(request.POST), status if status == 403 else 422
        if status != 403 and form.is_valid():
            try:
                verb.call(form.cleaned_data)
            except Refused as refused:
                form.refuse(refused)
                status = refused.status
            else:
                messages.success(request, verb.done)
                return HttpResponseRedirect(verb.environment.get_absolute_url())
    context = {
        **admin.site.each_context(request),
        "title": verb.title,
        "verb": verb,
        "environment": verb.environment,
        "form": form,
        **verb.context,
        **verb.found(),
    }
    request.current_app = admin.site.name
    return TemplateResponse(request, template, context, status=status)


def visible_environment(request, slug: str) -> Environment:
    """Return the environment that the reader may see; else it is not there."""
    return get_object_or_404(Environment.objects.visible_to(request.user), slug=slug)


@asks
def activate(request, slug, release):
    """Offer an approved release at endpoints that its approval covers."""
    environment = visible_environment(request, slug)
    rows = Release.objects.visible_to(request.user).select_related("use_case__team")
    found = get_object_or_404(rows, pk=release)
    answer = decide(found, environment)
    placed = Deployment.objects.filter(environment=environment, release=found, removed_at=None)
    covered = ServingEndpoint.objects.filter(slug__in=answer["endpoints"]).exclude(
        pk__in=placed.values("endpoint")
    )
    objections = may(request.user, "operate", found)
    if not answer["allowed"]:
        objections += [Reason(one["code"], one["sentence"]) for one in answer["reasons"]]
    elif not covered:
        sentence = "It is offered already at every endpoint that its approval covers."
        objections.append(Reason("THERE_ALREADY", sentence))
    return ask(
        request,
        Verb(
            environment,
            f"Activate {found} in {environment.slug}",
            "The next generation is published with it; routers follow.",
            "Activate",
            partial(ActivateForm, covered=covered),
            lambda given: transitions.activate(
                found,
                environment,
                given["endpoints"],
                priority=given["priority"],
                actor=request.user,
                reason=given["reason"],
            ),
            f"Activated: {found} in {environment.slug}.",
            objections,
        ),
    )


@asks
def remove(request, slug, pk):
    """Take one deployment out."""
    environment = visible_environment(request, slug)
    rows = Deployment.objects.visible_to(request.user).filter(environment=environment)
    found = get_object_or_404(
        rows.select_related("release__use_case__team", "endpoint"), pk=pk, removed_at=None
    )
    return ask(
        request,
        Verb(
            environment,
            f"Take {found} out",
            "What else is eligible takes its requests from the next generation on.",
            "Take out",
            ReasonForm,
            lambda given: transitions.remove(found.pk, actor=request.user, reason=given["reason"]),
            f"Taken out: {found}.",
            may(request.user, "operate", found.release),
        ),
    )


@asks
def suspend(request, slug):
    """Stop a release, model version, endpoint or provider of what runs here."""
    environment = visible_environment(request, slug)
    subjects = _subjects(request, environment)
    objections = may(request.user, "operate")
    if not subjects and not objections:
        objections = [Reason("NOTHING_RUNS", "Nothing runs here that you may see.")]
    return ask(
        request,
        Verb(
            environment,
            f"Suspend something in {environment.slug}",
            "It serves nothing from the next generation on, until somebody lifts it.",
            "Suspend",
            partial(
                SuspendForm,
                request=request,
                subjects=[(key, label) for key, label, _ in subjects],
                initial={"incident": request.GET.get("incident", "")[:200]},
            ),
            lambda given: transitions.suspend(
                next(row for key, _, row in subjects if key == given["subject"]),
                environment=None if given["everywhere"] else environment,
                incident=given["incident"],
                password=given["password"],
                actor=request.user,
                reason=given["reason"],
            ),
            "It is suspended.",
            objections,
            _suspending(request, environment, subjects),
        ),
        "runtime/suspend.html",
    )


def _suspending(request, environment: Environment, subjects) -> dict:
    """Return what suspending the subject that the address names would do, if it names one."""
    key, everywhere = request.GET.get("subject", ""), bool(request.GET.get("everywhere"))
    row = next((row for one, _, row in subjects if one == key), None)
    context = {
        "subjects": [(one, label) for one, label, _ in subjects],
        "looked_at": key,
        "everywhere": everywhere,
    }
    if row is None:
        return context
    imagined = Suspension(
        **{key.partition(":")[0]: row},
        environment=None if everywhere else environment,
        why="your reason",
    )
    return context | {"followed": suspended(imagined, request.user)}


def _subjects(request, environment: Environment) -> list[tuple[str, str, object]]:
    """Return what could be suspended here as (key, label, row), each once."""
    rows = Deployment.objects.visible_to(request.user).filter(
        environment=environment, removed_at=None
    )
    found: dict[str, tuple[str, str, object]] = {}
    for one in rows.select_related(
        "release__use_case__team",
        "release__model_version__model__team",
        "release__model_version__maker",
        "endpoint__host",
        "endpoint__team",
    ).order_by("pk"):
        version = one.release.model_version
        for noun, row in (
            ("release", one.release),
            ("version", version),
            ("endpoint", one.endpoint),
            ("provider", version.maker),
            ("provider", one.endpoint.host),
        ):
            if row is not None:
                word = NOUNS[noun]._meta.verbose_name
                key = f"{noun}:{row.pk}"
                found[key] = (key, f"The {word} {row}", row)
    order = list(NOUNS)
    return sorted(found.values(), key=lambda one: (order.index(one[0].partition(":")[0]), one[1]))


@asks
def lift(request, pk):
    """Let what was suspended serve again."""
    rows = Suspension.objects.visible_to(request.user).filter(lifted_at=None)
    found = get_object_or_404(
        rows.select_related(
            "environment",
            "release__use_case__team",
            "version__model__team",
            "endpoint__team",
            "provider",
        ),
        pk=pk,
    )
    subject = type(found.subject).objects.visible_to(request.user).filter(pk=found.subject.pk)
    environment = found.environment or Environment.objects.visible_to(request.user).first()
    if not subject or environment is None:
        raise Http404
    return ask(
        request,
        Verb(
            environment,
            f"Lift the {found}",
            f"The {found.word} ends: it serves again from the next generation on, if nothing else "
            "stands against it.",
            "Lift",
            partial(SecuredForm, request=request),
            lambda given: transitions.lift(
                found.pk,
                password=given["password"],
                actor=request.user,
                reason=given["reason"],
            ),
            f"The {found.word} is lifted.",
            may(request.user, "operate", found.subject),
            {"facts": [{"label": "It stands because", "value": found.why}]},
        ),
    )
