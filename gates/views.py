"""The review page of a promotion, where it is read and signed."""

from urllib.parse import urlencode

from django.contrib import admin, messages
from django.http import HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods

from audit import Refused
from gates import causes, transitions
from gates.forms import SignForm
from gates.models import Package, Promotion
from gates.pages import refused, review_page, words
from gates.pages.loaded import WITH
from gates.pages.people import changed_since
from gates.rules.signing import VERDICTS
from registry.rights import may
from registry.showing import fresh


@sensitive_post_parameters("password", "code")
@require_http_methods(["GET", "HEAD", "POST"])
def review(request, pk):
    """Show a promotion with everything it rests on; sign it when a verdict is posted."""
    promotion = get_object_or_404(
        Promotion.objects.visible_to(request.user).select_related(*WITH), pk=pk
    )
    if request.method == "POST":
        return _sign(request, promotion)
    printing = request.GET.get("view") == "print"
    page = review_page(
        promotion,
        request.user,
        request.GET.get("verdict", ""),
        request.GET.get("role", ""),
        printing=printing,
    )
    form = None if printing else _form(request, page)
    return answer_page(request, page, form=form, printing=printing)


def _form(request, page) -> SignForm | None:
    """Return the open verdict's form with a new challenge, unless something objects."""
    box = page.box
    if not box.opens_form:
        return None
    return SignForm(
        verdict=box.verdict,
        role=box.role,
        team=page.promotion.release.use_case.team,
        causes=_causes(request, box.verdict, page.promotion.release),
        auto_id="sign_%s",
        initial=_hidden(request, page, request.GET.get("challenge", "")),
        request=request,
        there=_there(page),
    )


def _causes(request, verdict: str, release) -> list[causes.Choice]:
    """Return what a condition may follow from, where the verdict sets conditions at all."""
    if verdict != "approve_with_conditions":
        return []
    return causes.offered(release, request.user)


def _there(page) -> str:
    """Return the address of the page with its form open, to come back to."""
    query = urlencode({"verdict": page.box.verdict, "role": page.box.role})
    return f"{page.promotion.get_absolute_url()}?{query}"


def _hidden(request, page, given: str) -> dict[str, str]:
    """Return what the form carries: the challenge it was `given` if it holds, else a new one.

    Whoever comes back from the identity provider showed there who they are for that one.
    """
    box = page.box
    asked = {
        "actor": request.user,
        "verdict": box.verdict,
        "package_digest": page.digest,
    }
    challenge = None
    if given and fresh(request, f"challenge:{given}") is not None:
        challenge = transitions.open_challenge(page.promotion.pk, given, **asked)
    challenge = challenge or transitions.issue_challenge(page.promotion.pk, **asked)
    return {
        "challenge": str(challenge.pk),
        "package_digest": page.digest,
        "verdict": box.verdict,
        "role": box.role,
    }


def _sign(request, promotion):
    verdict, role = request.POST.get("verdict", ""), request.POST.get("role", "")
    team = promotion.release.use_case.team
    query = urlencode({"verdict": verdict, "role": role})
    form = SignForm(
        request.POST,
        verdict=verdict,
        role=role,
        team=team,
        causes=_causes(request, verdict, promotion.release),
        auto_id="sign_%s",
        request=request,
        there=f"{promotion.get_absolute_url()}?{query}",
    )
    if verdict not in VERDICTS or not form.is_valid():
        why = refused.NotSigned(422, "Not signed.", refused.by_form(form, verdict))
        return _not_signed(request, promotion, form, why)
    cleaned = form.cleaned_data
    try:
        row = transitions.sign(
            promotion.pk,
            challenge=cleaned["challenge"],
            package_digest=cleaned["package_digest"],
            verdict=verdict,
            meaning=cleaned["meaning"],
            reason=cleaned["reason"],
            password=cleaned["password"],
            role=role,
            conditions=form.conditions(),
            actor=request.user,
        )
    except Refused as error:
        for reason in error.reasons:
            if reason.field in form.fields:
                form.add_error(reason.field, reason.sentence)
        promotion = Promotion.objects.select_related(*WITH).get(pk=promotion.pk)
        return _not_signed(request, promotion, form, refused.by_verb(error, promotion))
    did = words.VERDICTS[row.verdict][0].lower()
    messages.success(request, f"Signed: {did}, as {words.role(row.role)}.")
    return HttpResponseRedirect(promotion.get_absolute_url())


def _not_signed(request, promotion, form, why):
    """Show the page again: why, what was typed, and a new challenge if signing is open still."""
    shown = form.data.get("package_digest", "")
    page = review_page(
        promotion, request.user, form.data.get("verdict", ""), form.data.get("role", "")
    )
    page.band = why.band
    kept = form.data.get("reason", "")
    if page.box.opens_form:
        given = form.data.get("challenge", "")
        form.rearm(request, _there(page), **_hidden(request, page, given))
    else:
        form = None
    if shown and shown != page.digest:
        package = Package.objects.filter(promotion=promotion, digest=shown).first()
        page.changed_meanwhile = changed_since(page.loaded, package) if package else []
    # Whoever holds no role that signs hears so, whatever else is wrong with what they sent.
    status = 403 if may(request.user, "sign", promotion.release) else why.status
    return answer_page(request, page, form=form, status=status, focus=True, kept=kept)


def answer_page(request, page, *, form, status=200, focus=False, printing=False, kept=""):
    """Answer with the review page, with the buttons of whoever asks; also for other views."""
    acts = _acts(request, page)
    page.acts_off = [act for act in acts if act["objections"]]
    page.why_off = list(
        {reason.sentence: reason for act in acts for reason in act["objections"]}.values()
    )
    open_acts = [act for act in acts if not act["objections"]]
    page.take_in_url = next((act["url"] for act in open_acts if act["name"] == "take-in"), "")
    context = {
        **admin.site.each_context(request),
        "title": page.title,
        "page": page,
        "form": form,
        "focus": focus,
        "kept": kept,
        "printing": printing,
        "acts": open_acts,
        "may_pack": not may(request.user, "build_pack", page.promotion.release.use_case.team),
    }
    template = "gates/review_print.html" if printing else "gates/review.html"
    return TemplateResponse(request, template, context, status=status)


def _acts(request, page) -> list[dict]:
    """Return what whoever asks may do, as buttons, each with the reasons why it is off."""
    promotion, pages = page.promotion, admin.site.get_model_admin(Promotion)
    acts = [
        act
        for act in pages.act_buttons(request, promotion)
        # Nothing newer is there to take in: the button would only void signatures.
        if act["name"] != "take-in" or page.newer
    ]
    if promotion.state == Promotion.State.IN_REVIEW and not may(
        request.user, "discuss", promotion.release
    ):
        ask_url = f"{promotion.get_absolute_url()}ask/"
        acts.insert(0, {"name": "ask", "label": "Ask to sign…", "url": ask_url, "objections": []})
    if promotion.is_undecided:
        amend = {
            "name": "amend",
            "label": "Amend…",
            "url": pages.change_url(promotion),
            "primary": False,
            "objections": pages.objections(request, "change", promotion),
        }
        acts.insert(len(acts) - 1, amend)  # what ends the request comes last
    elif not (objections := pages.objections(request, "add", promotion)):
        again = f"{reverse('admin:promotion_ask')}?release={promotion.release_id}"
        acts.append({"name": "ask", "label": "Ask again…", "url": again, "objections": objections})
    return acts


@require_GET
def ask(request):
    """Lead to the one form that asks for a promotion, with the release it is asked for."""
    query = request.GET.urlencode()
    return HttpResponseRedirect(
        f"{reverse('admin:gates_promotion_add')}{f'?{query}' if query else ''}"
    )
