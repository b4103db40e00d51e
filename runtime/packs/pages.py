"""The pages of packs: asking for one, watching it being built, and taking it home."""

import logging
import time
from collections.abc import Iterator

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse, JsonResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from django.views.decorators.http import require_http_methods, require_safe

from audit import Refused, clock, context, receipts, tree
from gates.models import Promotion
from registry.models import Environment
from registry.rights import may
from runtime.packs.asking import again, entry_of, joining, period, preview, sent
from runtime.packs.building import Progress, Subject, read_as_of, settle
from runtime.packs.forms import PackForm, PeriodForm
from runtime.packs.models import EvidencePack
from runtime.packs.promotions import WITH
from runtime.packs.transitions import record, team_of

log = logging.getLogger("gatehouse.packs")

#: Packs that one page lists.
SHOWN = 10
#: Where the page is cut in two: what is built is told in between.
HERE = "<!-- told here -->"
#: Seconds between two lines while a large file is read.
EVERY = 1.0
asks = require_http_methods(["GET", "HEAD", "POST"])


def _answer(request, template: str, given: dict, status: int = 200):
    request.current_app = admin.site.name
    given = {**admin.site.each_context(request), "now": clock.now(), **given}
    return TemplateResponse(request, f"runtime/packs/{template}", given, status=status)


def packs_of(reader, **where):
    """Return the packs that a reader may see, newest first."""
    rows = EvidencePack.objects.visible_to(reader).filter(**where)
    return rows.select_related("built_by", "promotion", "environment").order_by("-pk")


@asks
def of_promotion(request, pk):
    """Ask for a pack of a promotion, decided or open."""
    promotion = get_object_or_404(
        Promotion.objects.visible_to(request.user).select_related(*WITH), pk=pk
    )
    return _ask(request, Subject(promotion=promotion), PackForm, promotion)


@asks
def of_environment(request, slug):
    """Ask for a pack of an environment over a period."""
    environment = get_object_or_404(Environment.objects.visible_to(request.user), slug=slug)
    return _ask(request, Subject(environment=environment), PeriodForm, environment)


def _ask(request, subject: Subject, form_class, about):
    objections = may(request.user, "build_pack", team_of(subject))
    initial = {name: request.GET[name] for name in ("since", "as_of") if name in request.GET}
    form, status = form_class(initial=initial), 403 if objections else 200
    if request.method == "POST" and not objections:
        form, status = form_class(request.POST), 422
        if form.is_valid():
            try:
                as_of = read_as_of(form.cleaned_data["as_of"])
                if since := form.cleaned_data.get("since"):
                    period(since, as_of)
                    subject = Subject(environment=subject.environment, since=since)
            except Refused as refused:
                form.refuse(refused)
            else:
                return _building(request, subject, as_of, form.cleaned_data, about)
    where = {"promotion": subject.promotion, "environment": subject.environment}
    given = {
        "title": f"Evidence pack of {about}",
        "about": about,
        "subject": subject,
        "form": form,
        "objections": objections,
        "preview": preview(subject, request.user)
        if subject.promotion is not None and not objections
        else None,
        "packs": packs_of(request.user, **where)[:SHOWN],
    }
    return _answer(request, "ask.html", given, status)


def _building(request, subject: Subject, as_of, cleaned: dict, about):
    """Answer with a page that grows while the pack is made, and ends with the way to it."""
    given = {"title": f"Evidence pack of {about}", "about": about, "here": HERE, "as_of": as_of}
    page = _answer(request, "building.html", given)
    page.render()
    head, _, tail = page.content.decode().partition(HERE)
    told = _told(request, subject, as_of, cleaned, request.id)
    response = StreamingHttpResponse(_whole(head, told, tail))
    response["Cache-Control"] = "private, no-store"
    response["X-Accel-Buffering"] = "no"
    return response


def _whole(head: str, told: Iterator[str], tail: str) -> Iterator[str]:
    yield head
    yield from told
    yield tail


def _told(request, subject: Subject, as_of, cleaned: dict, request_id: str) -> Iterator[str]:
    """Make the pack and record it; yield HTML of how far it is, and of what came of it."""
    try:
        making = settle(subject, request.user, as_of, with_pdf=cleaned["pdf"])
        pack, last = None, 0.0
        while pack is None:
            try:
                progress = next(making)
            except StopIteration as end:
                pack = end.value
                break
            if time.monotonic() - last > EVERY:
                last = time.monotonic()
                yield _line(progress)
        with pack.bundle:
            # The request's own variables are gone by now: what is streamed is made after it.
            named = context.request_id.set(request_id)
            try:
                with context.through("session"):
                    row = record(pack, actor=request.user, reason=cleaned["reason"])
            finally:
                context.request_id.reset(named)
        yield render_to_string("runtime/packs/_built.html", {"row": row, "pack": pack})
    except Refused as refused:
        yield render_to_string("runtime/packs/_not_built.html", {"reasons": refused.reasons})
    except Exception:
        log.exception("A pack was not built.")
        yield render_to_string("runtime/packs/_not_built.html", {"reasons": ()})


def _line(progress: Progress) -> str:
    return format_html(
        "<li>{} of {} files read, {} of {} MB.</li>\n",
        progress.files,
        progress.of_files,
        _megabytes(progress.bytes),
        _megabytes(progress.of_bytes),
    )


def _megabytes(count: int) -> str:
    return f"{count / 1e6:.1f}"


def _seen(request, pk) -> EvidencePack:
    """Return a pack that the reader may have: theirs, of what they see still and may pack."""
    row = get_object_or_404(packs_of(request.user), pk=pk)
    if row.promotion_id:
        rows = Promotion.objects.visible_to(request.user).select_related(*WITH)
        row.promotion = get_object_or_404(rows, pk=row.promotion_id)
    return row


@require_safe
def one(request, pk):
    """A pack that was built: what it is named by, the way to download it, and its receipt."""
    row = _seen(request, pk)
    about = row.promotion or row.environment
    given = {
        "title": str(row).capitalize(),
        "row": row,
        "about": about,
        "entry": entry_of(row),
        "objections": _objections(request, row),
    }
    return _answer(request, "one.html", given)


def _objections(request, row: EvidencePack):
    return may(request.user, "build_pack", team_of(Subject(row.promotion, row.environment)))


@require_safe
def download(request, pk):
    """Make the pack again, see that it is the one recorded, and send it piece by piece."""
    row = _seen(request, pk)
    if objections := _objections(request, row):
        raise PermissionDenied(objections[0].sentence)
    try:
        return sent(again(row), row.name)
    except Refused as refused:
        about = row.promotion or row.environment
        given = {"title": f"{row} is not handed out", "row": row, "about": about}
        given["reasons"] = refused.reasons
        return _answer(request, "not_again.html", given, refused.status)


@require_safe
def receipt(request, pk):
    """The proof that the log records this very pack, which `verify_audit.py` wants beside it."""
    row = _seen(request, pk)
    return receipts.as_file(entry_of(row).seq, f"{row.name}.tlog-proof", by_first=True)


@require_safe
def consistency(request, pk):
    """The proof that the log of the receipt goes on from the log in the pack."""
    row = _seen(request, pk)
    try:
        said = joining(row)
    except (receipts.NotYet, tree.TreeBroken) as error:
        return HttpResponse(f"{error}\n", status=503, content_type="text/plain; charset=utf-8")
    return JsonResponse(
        said,
        headers={
            "Content-Disposition": f'attachment; filename="{row.name}.consistency.json"',
            "Cache-Control": "private, no-store",
        },
    )


def of_environment_panel(request, environment: Environment) -> str:
    """Return the packs of an environment, and the form that leads to a new one."""
    may_build = not may(request.user, "build_pack")
    rows = list(packs_of(request.user, environment=environment)[:SHOWN])
    if not rows and not may_build:
        return ""
    given = {
        "packs": rows,
        "build_url": reverse("admin:environment_pack", args=[environment.slug]),
        "may_build": may_build,
    }
    return render_to_string("runtime/packs/_panel.html", given, request)
