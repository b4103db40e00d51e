"""Declaring what was signed and is lost: one person says it, another confirms it."""

from dataclasses import dataclass

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from audit import Refused, checkpoints, keys, tree
from audit.api.entries import reads_the_log
from audit.losses.finding import Loss, NotALoss, find
from audit.models import LossDeclaration
from audit.verify_audit import Checkpoint, Malformed, read_checkpoint, read_notes
from portal.trail.pages import answer
from registry import transitions
from registry.admin.acts import PasswordForm
from registry.rights import may
from registry.transitions.losses import confirming_problems
from registry.transitions.losses import lost as lost_now

ONLY_THEY = (
    "What was lost is for auditors, administrators and risk owners of all teams. What happened to "
    "a row that you may see is on its own page."
)
#: Declarations that the page shows.
SHOWN = 20


class DeclareForm(PasswordForm):
    """Why, the password, and what was signed and is not known here."""

    outside = forms.CharField(
        label="A checkpoint that was kept elsewhere",
        required=False,
        strip=False,
        max_length=200_000,
        widget=forms.Textarea(attrs={"rows": 5, "class": "vLargeTextField"}),
        help_text="Needed only if the checkpoint file of this server lacks it: a signed note, a "
        "receipt, or lines of a checkpoint file.",
    )

    def clean_outside(self) -> list[tuple[str, str]]:
        text = self.cleaned_data["outside"].strip("\r\n ")
        if not text:
            return []
        try:
            return [("the form", note) for note in read_notes(f"{text}\n")]
        except Malformed as error:
            raise ValidationError(f"{error} Give it as it was kept.") from error


@dataclass(frozen=True)
class Ended:
    """What had been signed, and how the log stands to it."""

    said: Checkpoint
    #: The entries that are lost.
    count: int


def _objections(request) -> list:
    """Return why the reader may not declare; refuse whoever does not read the log either."""
    objections = may(request.user, "declare_loss", LossDeclaration)
    if objections and request.method == "POST":
        raise PermissionDenied(objections[0].sentence)
    if objections and not reads_the_log(request.user):
        raise PermissionDenied(ONLY_THEY)
    return objections


def _look() -> tuple[Loss | None, str]:
    """Return what is lost, and what is wrong besides."""
    try:
        return find(), ""
    except (NotALoss, keys.NoKey, OSError) as error:
        return None, str(error)


def _ended(kept: int, notes) -> list[Ended]:
    said = map(read_checkpoint, notes)
    return [Ended(one, one.size - kept) for one in said]


@sensitive_post_parameters("password", "code")
@require_http_methods(["GET", "HEAD", "POST"])
def losses(request):
    """What is lost now and who declared it; what was lost before; and the form to declare it."""
    objections = _objections(request)
    form, status = DeclareForm(request=request), 200
    if request.method == "POST":
        form, status = DeclareForm(request.POST, request=request), 422
        if form.is_valid():
            try:
                made = transitions.declare_loss(**form.cleaned_data, actor=request.user)
            except Refused as refused:
                form.refuse(refused)
                status = refused.status
            else:
                messages.success(request, "Declared. Somebody else confirms it.")
                return HttpResponseRedirect(reverse("admin:audit_loss", args=[made.pk]))
    lost, wrong = _look()
    rows = LossDeclaration.objects.select_related("declared_by", "confirmation__confirmed_by")
    context = {
        "title": "Entries that are lost",
        "form": form,
        "objections": objections,
        "may_read_all": reads_the_log(request.user),
        "lost": lost,
        "wrong": wrong,
        "ended": _ended(lost.kept_size, lost.notes) if lost else [],
        "state": tree.state(),
        "origin": checkpoints.origin(),
        "confirmed": checkpoints.losses().found,
        "rows": rows.order_by("-pk")[:SHOWN],
    }
    return answer(request, "losses.html", context, status)


@sensitive_post_parameters("password", "code")
@require_http_methods(["GET", "HEAD", "POST"])
def loss(request, pk):
    """One declaration, and the form by which somebody else confirms it."""
    objections = _objections(request)
    rows = LossDeclaration.objects.select_related("declared_by", "confirmation")
    row = rows.filter(pk=pk).first()
    if row is None:
        raise Http404
    confirmed = getattr(row, "confirmation", None)
    form, status = PasswordForm(request=request), 200
    if request.method == "POST":
        form, status = PasswordForm(request.POST, request=request), 422
        if form.is_valid():
            try:
                transitions.confirm_loss(pk, **form.cleaned_data, actor=request.user)
            except Refused as refused:
                form.refuse(refused)
                status = refused.status
            else:
                messages.success(
                    request, f"Confirmed. From now on it is signed as {checkpoints.origin()}."
                )
                return HttpResponseRedirect(reverse("admin:audit_losses"))
    if not objections and confirmed is None:
        objections = _in_the_way(row, request.user)
    context = {
        "title": "A declared loss",
        "row": row,
        "confirmed": confirmed,
        "form": form,
        "objections": objections,
        "may_read_all": reads_the_log(request.user),
        "ended": _ended(row.kept_size, row.ended),
    }
    return answer(request, "loss.html", context, status)


def _in_the_way(row: LossDeclaration, user) -> list:
    """Return why the reader may not confirm it, as the verb will say too."""
    try:
        now = lost_now([("the declaration", note) for note in row.ended])
    except Refused as refused:
        return refused.reasons
    return confirming_problems(row, now, user, row.declared_by)
