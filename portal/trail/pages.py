"""The log to read: the list, an entry with its proof, and the form of who reviews the trail."""

import json
from urllib.parse import urlencode

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import NoReverseMatch, reverse
from django.views.decorators.http import require_http_methods, require_safe

from audit import Refused, checkpoints, clock, receipts, sinks, tree
from audit.admin import ReasonForm
from audit.admin.history import told
from audit.api.entries import reads_the_log, sees_row
from audit.models import AuditReview, Entry, LogExport, Verification
from portal.trail import finding
from registry import transitions
from registry.rights import may
from runtime.packs.pages import packs_of

#: Reviews, exports and verifications that the page shows.
SHOWN = 5
ONLY_AUDITORS = (
    "Reading the whole log takes the role auditor for all teams. The history of a row that you "
    "may see is on its own page."
)


def answer(request, template: str, context: dict, status: int = 200):
    request.current_app = admin.site.name
    context = {**admin.site.each_context(request), "now": clock.now(), **context}
    return TemplateResponse(request, f"portal/trail/{template}", context, status=status)


@require_safe
def listing(request):
    """The log, newest first, and how it stands: signed, sent out, verified, reviewed."""
    if not reads_the_log(request.user):
        raise PermissionDenied(ONLY_AUDITORS)
    given = request.GET
    filters, reasons = finding.read(given)
    rows, following = ([], None) if reasons else finding.page(filters, given.get("before", ""))
    kept = {name: given[name] for name in finding.NAMES if given.get(name)}
    context = {
        "title": "The log",
        "given": given,
        "filtered": bool(kept),
        "reasons": reasons,
        "rows": [(row, told(row)) for row in rows],
        "events": finding.events(),
        "next_url": f"?{urlencode({**kept, 'before': following})}" if following else "",
        "standing": sinks.standing(),
        "verification": Verification.objects.order_by("-pk").first(),
        "thorough": Verification.objects.filter(scope=Verification.Scope.EVIDENCE)
        .order_by("-finished_at", "-pk")
        .first(),
        "reviews": AuditReview.objects.select_related("reviewed_by").order_by("-pk")[:SHOWN],
        "losses": checkpoints.losses().found,
        "exports": LogExport.objects.order_by("-pk").select_related("change")[:SHOWN],
        "packs": packs_of(request.user)[:SHOWN],
        "origin": checkpoints.origin(),
    }
    return answer(request, "log.html", context, 400 if reasons else 200)


def _readable(request, seq: int) -> Entry:
    row = Entry.objects.select_related("change").filter(pk=seq).first()
    if row is None or not (reads_the_log(request.user) or sees_row(request.user, row.about)):
        raise Http404
    return row


@require_safe
def entry(request, seq):
    """One entry: what it says, its very bytes, and the proof that it is in the log."""
    row = _readable(request, seq)
    signed = checkpoints.covering(seq)
    proof, broken = None, ""
    try:
        proof = tree.inclusion(seq, signed.size if signed else tree.state().size)
        if signed and proof.root != bytes(signed.root):
            broken = "The entries lead to another root than the checkpoint was signed over."
    except (tree.TreeBroken, ValueError) as error:
        broken = str(error)
    body = _body(row)
    context = {
        "title": f"Entry {seq}",
        "entry": row,
        "told": told(row),
        "history_url": _history(row.about),
        "said": [(name, _shown(value)) for name, value in body.items() if name not in SAID_ABOVE],
        "leaf": bytes(row.leaf).hex(),
        "proof": proof,
        "path": [one.hex() for one in proof.path] if proof else [],
        "signed": signed,
        "broken": broken,
        "body": body,
        "may_read_all": reads_the_log(request.user),
        "api_url": reverse("audit-entry-proof", args=[seq]),
    }
    return answer(request, "entry.html", context)


#: What the page of an entry says in words before it lists the rest.
SAID_ABOVE = ("reason", "actor", "at", "event", "seq", "facts")


def _body(row: Entry) -> dict:
    try:
        body = json.loads(row.body)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _shown(value) -> str:
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return ", ".join(value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _history(key: str) -> str:
    """Return the address of a row's history, if its noun has pages."""
    label, _, pk = key.partition(":")
    try:
        return reverse(f"admin:{label.replace('.', '_')}_history", args=[pk])
    except NoReverseMatch:
        return ""


@require_safe
def receipt(request, seq):
    """The entry with its proof as a file, which `verify_audit.py` checks without this server."""
    row = _readable(request, seq)
    return receipts.as_file(row.seq, f"entry-{row.seq}.tlog-proof")


class ReviewForm(ReasonForm):
    """A stretch of the log, and what its reader has to say of it."""

    first_seq = forms.IntegerField(label="From entry", min_value=0, max_value=10**15)
    last_seq = forms.IntegerField(label="To entry", min_value=0, max_value=10**15)
    outcome = forms.ChoiceField(
        label="Outcome", choices=AuditReview.Outcome, widget=forms.RadioSelect
    )
    findings = forms.CharField(
        label="What you looked at and what you found",
        max_length=10_000,
        widget=forms.Textarea(attrs={"rows": 5, "class": "vLargeTextField"}),
        help_text="It becomes part of the record, and stands there for good.",
    )


@require_http_methods(["GET", "HEAD", "POST"])
def review(request):
    """Record that the trail was reviewed: a governed entry of its own."""
    objections = may(request.user, "review_trail", AuditReview)
    last = AuditReview.objects.order_by("-last_seq").values_list("last_seq", flat=True).first()
    size = tree.state().size
    begin = min(last + 1 if last is not None else 0, size - 1)
    form = ReviewForm(initial={"first_seq": begin, "last_seq": size - 1})
    status = 403 if objections else 200
    if request.method == "POST" and not objections:
        form, status = ReviewForm(request.POST), 422
        if form.is_valid():
            try:
                made = transitions.review_trail(**form.cleaned_data, actor=request.user)
            except Refused as refused:
                form.refuse(refused)
                status = refused.status
            else:
                messages.success(request, f"Recorded: {made}.")
                return HttpResponseRedirect(reverse("admin:audit"))
    context = {
        "title": "Review of the trail",
        "form": form,
        "objections": objections,
        "size": size,
    }
    return answer(request, "review.html", context, status)
