"""Pages that belong to no single app, and the answers when there is no page."""

from django.contrib import admin
from django.shortcuts import render
from django.template.response import TemplateResponse


def menu(request):
    """The sidebar as a page, for screens too narrow to hold it beside the content."""
    context = {**admin.site.each_context(request), "title": "Menu"}
    return TemplateResponse(request, "portal/menu.html", context)


def not_found(request, exception):
    """Answer 404 in words that are the same for what is not there and what may not be seen."""
    return render(request, "404.html", _shell(request), status=404)


def forbidden(request, exception):
    """Answer 403 with the sentence that the refusal carries, if it carries one."""
    context = {**_shell(request), "exception": str(exception)}
    return render(request, "403.html", context, status=403)


def server_error(request):
    """Answer 500 from a page that asks nothing of the database or the session."""
    return render(request, "500.html", status=500)


def busy(request):
    """Answer 503 from a page that asks nothing of the database or the session."""
    return render(request, "503.html", status=503)


def refused(request, status: int, title: str, sentence: str):
    """Answer in one sentence, from a page that asks nothing of the database or the session."""
    return render(request, "refused.html", {"title": title, "sentence": sentence}, status=status)


def _shell(request) -> dict:
    # A path that is refused before the session is read has no user to build a sidebar for.
    return admin.site.each_context(request) if hasattr(request, "user") else {}
