"""The REST API of an MLflow server, read page by page and within bounds.

The person who runs the command names the server. Nothing that it answers is an address to call:
redirects are refused, and no proxy of the environment is asked.
"""

import os
from collections.abc import Iterator
from http.client import HTTPException
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, ProxyHandler, Request, build_opener

from evidence.imports.reading import MEBIBYTE, json_of, unreadable
from evidence.imports.said import mapping, mappings, texts

LARGEST_ANSWER = 16 * MEBIBYTE
TIMEOUT = 20  # seconds for each answer to begin, and for each part of it
PAGE = 200
#: Pages of one list: a server that never ends would hold the command for ever.
MOST_PAGES = 500
#: Where the environment keeps a bearer token; an option would show it in the process list.
TOKEN = "MLFLOW_TRACKING_TOKEN"


class _NoRedirect(HTTPRedirectHandler):
    def redirect_request(self, req, fp, code, msg, headers, newurl):
        return None  # the answer is then an error of its own


class Server:
    """One MLflow server at an http or https address. Each call raises `NotUnderstood`."""

    def __init__(self, url: str):
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise unreadable(f"“{url}” is no address of a server. Begin it with https://.")
        if parts.username or parts.password or parts.query or parts.fragment:
            raise unreadable(
                "Name the server without user, password or question mark; a token is taken from "
                f"{TOKEN}."
            )
        self.url = url.rstrip("/")
        self._opener = build_opener(ProxyHandler({}), _NoRedirect())

    def models(self) -> list[dict]:
        """Return all registered models."""
        return list(self._pages("registered-models/search", "registered_models"))

    def versions(self) -> list[dict]:
        """Return all versions of all models."""
        return list(self._pages("model-versions/search", "model_versions"))

    def runs(self, versions: list[dict]) -> list[dict]:
        """Return the runs that the versions name, each once."""
        named = (texts(version.get("run_id")) for version in versions)
        keys = dict.fromkeys(found[0] for found in named if found)
        answers = (self._get("runs/get", {"run_id": key}) for key in keys)
        return [mapping(answer.get("run")) for answer in answers]

    def _pages(self, call: str, key: str) -> Iterator[dict]:
        token, seen = "", set()
        for _ in range(MOST_PAGES):
            asked = {"max_results": PAGE} | ({"page_token": token} if token else {})
            answer = self._get(call, asked)
            yield from mappings(answer.get(key, []))
            token = (texts(answer.get("next_page_token")) or [""])[0]
            if not token:
                return
            if token in seen:
                raise unreadable(f"The server answers the same page of {call} again and again.")
            seen.add(token)
        raise unreadable(f"The server has more than {MOST_PAGES} pages of {call}.")

    def _get(self, call: str, asked: dict) -> dict:
        address = f"{self.url}/api/2.0/mlflow/{call}?{urlencode(asked)}"
        request = Request(address, headers={"Accept": "application/json"})  # noqa: S310 - http(s)
        if token := os.environ.get(TOKEN):
            request.add_header("Authorization", f"Bearer {token}")
        try:
            with self._opener.open(request, timeout=TIMEOUT) as answer:
                data = answer.read(LARGEST_ANSWER + 1)
        except HTTPError as error:
            error.close()
            told = "sends elsewhere" if 300 <= error.code < 400 else f"answers {error.code}"
            raise unreadable(f"The server {told} when asked for {call}.") from None
        except (URLError, HTTPException, OSError) as error:
            why = getattr(error, "reason", None) or error
            raise unreadable(f"The server {self.url} does not answer: {why}.") from None
        return json_of(data, name=call, limit=LARGEST_ANSWER)
