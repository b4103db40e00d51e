"""Calling the server over HTTP: bounded, without redirects, the token to nobody else."""

import gzip
import ssl
import urllib.error
import urllib.request
import zlib
from collections.abc import Mapping
from email.utils import formatdate
from http.client import HTTPException
from urllib.parse import urlsplit

#: Bytes of an answer; a snapshot of a thousand deployments takes less than two million.
LARGEST = 64 * 1024**2
#: Seconds for an answer, beyond those that the server was asked to wait.
PATIENCE = 10.0
LOCAL = ("localhost", "127.0.0.1", "::1")


class Unreachable(Exception):
    """The server gave no answer that says what is active; `status` is 0 if it gave none at all."""

    def __init__(self, sentence: str, status: int = 0):
        self.status = status
        super().__init__(sentence)


class Server:
    """The server at `url`, asked with a token."""

    def __init__(self, url: str, token: str, tls: ssl.SSLContext | None = None):
        if urlsplit(url).scheme != "https" and urlsplit(url).hostname not in LOCAL:
            raise ValueError(f"{url} is not https: the token would travel in the open.")
        self.url, self._token = url.rstrip("/"), token
        handlers = (_NoRedirects, urllib.request.HTTPSHandler(context=tls))
        self._open = urllib.request.build_opener(*handlers).open

    def get(
        self, address: str, headers: Mapping[str, str] | None = None, wait: float = 0
    ) -> tuple[int, Mapping[str, str], bytes]:
        """Return status (200 or 304), headers and body. Raises `Unreachable`."""
        headers = {
            "Authorization": f"Bearer {self._token}",
            "Accept-Encoding": "gzip",
            **(headers or {}),
        }
        return self._ask(urllib.request.Request(self.url + address, headers=headers), wait)  # noqa: S310 - checked

    def post(self, address: str, body: bytes, content_type: str) -> bytes:
        """Send `body`, packed, with our own time; return the body of the answer.

        Raises `Unreachable`, with the status of a refusal.
        """
        headers = {
            "Authorization": f"Bearer {self._token}",
            "Content-Type": content_type,
            "Content-Encoding": "gzip",
            "Date": formatdate(usegmt=True),
        }
        request = urllib.request.Request(  # noqa: S310 - checked
            self.url + address, gzip.compress(body), headers, method="POST"
        )
        _, _, said = self._ask(request, 0)
        return said

    def _ask(
        self, request: urllib.request.Request, wait: float
    ) -> tuple[int, Mapping[str, str], bytes]:
        try:
            with self._open(request, timeout=wait + PATIENCE) as answer:
                return answer.status, answer.headers, _read(answer)
        except urllib.error.HTTPError as error:
            with error:
                if error.code == 304:
                    return 304, error.headers, b""
                raise Unreachable(f"It answered {error.code}.", error.code) from error
        except (OSError, HTTPException, EOFError, zlib.error) as error:
            raise Unreachable(f"It gave no answer: {error}") from error


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Follows none: the token is for one server."""

    def redirect_request(self, *given):
        return None


def _read(answer) -> bytes:
    """Return the body of an answer, which may be packed. Raises `OSError` if it is too large."""
    packed = answer.headers.get("Content-Encoding", "").lower() == "gzip"
    source = gzip.GzipFile(fileobj=answer) if packed else answer
    body = source.read(LARGEST + 1)
    if len(body) > LARGEST:
        raise OSError(f"it is larger than {LARGEST} bytes")
    return body
