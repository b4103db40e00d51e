"""Where the forms of a discussion are posted; what is shown is the review page itself."""

from django import forms
from django.http import Http404, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_http_methods

from audit import Reason, Refused
from audit.refusals import NotAllowed
from gates import transitions
from gates.models import Promotion, Thread
from gates.pages import review_page
from gates.pages.answer import Band
from gates.pages.loaded import WITH
from gates.views import answer_page
from registry.rights import may


class DiscussionForm(forms.Form):
    """What one of the forms of a discussion sends."""

    do = forms.ChoiceField(choices=[(one, one) for one in ("comment", "resolve", "reopen")])
    thread = forms.IntegerField(required=False, min_value=1, max_value=2**63 - 1)
    subject = forms.CharField(required=False, max_length=120)
    text = forms.CharField(required=False, max_length=20_000, strip=True)


@require_http_methods(["GET", "HEAD", "POST"])
def discuss(request, pk):
    """Write a comment, resolve a thread or open it again; then go to where it stands."""
    promotion = get_object_or_404(
        Promotion.objects.visible_to(request.user).select_related(*WITH), pk=pk
    )
    if request.method != "POST":
        return HttpResponseRedirect(f"{promotion.get_absolute_url()}#discussion")
    if reasons := may(request.user, "discuss", promotion.release):
        return _refused(request, promotion, NotAllowed(reasons))
    form = DiscussionForm(request.POST)
    if not form.is_valid():
        said = [
            Reason("NOT_VALID", error, name)
            for name, errors in form.errors.items()
            for error in errors
        ]
        return _refused(request, promotion, Refused(said))
    try:
        anchor = _write(promotion, request.user, **form.cleaned_data)
    except Thread.DoesNotExist:
        raise Http404("There is no such thread.") from None
    except Refused as refused:
        return _refused(request, promotion, refused)
    return HttpResponseRedirect(f"{promotion.get_absolute_url()}#{anchor}")


def _write(promotion, user, *, do: str, thread: int | None, subject: str, text: str) -> str:
    """Call the verb and return the anchor of what it wrote."""
    if do == "comment":
        row = transitions.comment(
            promotion.pk, text=text, thread=thread, subject=subject, actor=user
        )
        return f"comment-{row.pk}"
    found = Thread.objects.get(pk=thread, promotion=promotion)
    verb = transitions.resolve if do == "resolve" else transitions.reopen
    return f"thread-{verb(found.pk, actor=user, reason=text).pk}"


def _refused(request, promotion, refused: Refused):
    """Show the page again with what was typed, and why nothing was written."""
    page = review_page(promotion, request.user)
    page.band = Band("failed", "Nothing was written.", str(refused))
    thread = request.POST.get("thread", "")
    page.talks.errors = [one.sentence for one in refused.reasons]
    page.talks.kept = request.POST.get("text", "")
    page.talks.kept_thread = next(
        (one.pk for one in page.talks.threads if str(one.pk) == thread), None
    )
    page.talks.kept_subject = request.POST.get("subject", "")
    return answer_page(request, page, form=None, status=refused.status, focus=True)
