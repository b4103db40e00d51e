"""Knocking at an address as one of the people of a world, and finding every route there is."""

import re
from collections.abc import Iterator

from django.conf import settings
from django.db import transaction
from django.test import Client
from django.urls import get_resolver
from django.urls.resolvers import URLResolver

from audit import kept
from registry.models import Person

#: Routes that are regular expressions for whole families of addresses, in words.
IN_WORDS = {
    r"^(?:api|ingest|v1|ofrep|static|\.well-known)(?:/|$)": "<anything for tools>",
    r"(?P<url>.*)$": "<url>",
}


def routes() -> set[str]:
    """Return every route of the resolver as `registry/team/<object_id>/change/`."""
    return set(_walk(get_resolver(), ""))


def _walk(resolver: URLResolver, before: str) -> Iterator[str]:
    for pattern in resolver.url_patterns:
        text = str(pattern.pattern)
        text = IN_WORDS.get(text) or re.sub(r"[\^$]", "", re.sub(PARAMETER, r"<\1\2>", text))
        if isinstance(pattern, URLResolver):
            yield from _walk(pattern, before + text)
        else:
            yield before + text


#: `<int:pk>`, and `(?P<pk>[0-9]{1,18})` with one level of brackets inside.
PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>(?![^<]*\))|\(\?P<(\w+)>(?:[^()]|\([^()]*\))*\)")


class Undone(Exception):
    """Thrown to roll back what a request did."""


class Knocker:
    """One person at the door: with a session for pages, with a token for the API."""

    def __init__(self, person: Person | None, token: str | None):
        self.token, self.session = token, ""
        # What fails shows as the 500 that a visitor would see.
        self.client = Client(raise_request_exception=False)
        if person:
            self.client.force_login(person)
            self.session = self.client.cookies[settings.SESSION_COOKIE_NAME].value

    def knock(self, method: str, address: str, body: dict | None = None):
        """Ask, undo whatever was written, and return the answer."""
        self.client.cookies.clear()
        headers = {}
        if address.startswith(("/api/", "/ingest/", "/v1/", "/ofrep/")):
            headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        elif self.session:
            self.client.cookies[settings.SESSION_COOKIE_NAME] = self.session
        ask = getattr(self.client, method.lower())
        sent = {} if method in ("PUT", "PATCH", "DELETE") else {"data": body or {}}
        try:
            with transaction.atomic():
                answer = ask(address, headers=headers, **sent)
                raise Undone
        except Undone:
            if method != "GET":
                # The position of a change that is undone comes again, for another one.
                kept.kept.clear()
            return answer
