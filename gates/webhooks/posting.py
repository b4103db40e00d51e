"""One POST to an address that somebody typed in: resolved once, pinned, bounded in time and size.

The name is resolved here and now, every address it has is judged, and the connection goes to the
very address that was judged: a name that answers differently a moment later changes nothing.
Redirects are not followed, proxies of the environment are not asked.
"""

import http.client
import socket
import ssl
import threading
from urllib.parse import urlsplit

from gates.rules.webhooks import address_problem, port_of, url_problems

#: Seconds for resolving the name, for each step of the connection, and for all of it.
RESOLVE = 3
STEP = 5
TOTAL = 15
#: Bytes of the answer that are read; none of them is kept.
ANSWER = 4096


class NotPosted(Exception):
    """Nothing was accepted there; the text says why. `gone` when it asks never to be sent again."""

    def __init__(self, why: str, *, status: int | None = None, gone: bool = False):
        super().__init__(why)
        self.status, self.gone = status, gone


def addresses(host: str, port: int) -> list[str]:
    """Return the network addresses of a host, waiting `RESOLVE` seconds at most.

    Raises `NotPosted` when it has none or nobody answers in time.
    """
    found: list[str] = []

    def look() -> None:
        try:
            for *_, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
                found.append(str(address[0]))
        except (OSError, UnicodeError):
            return

    # The resolver of the system cannot be told how long to wait; a thread can be left behind.
    looking = threading.Thread(target=look, daemon=True)
    looking.start()
    looking.join(RESOLVE)
    if not found:
        raise NotPosted(f"The name {host} has no address here.")
    return list(dict.fromkeys(found))


def judged_address(url: str, *, allow_local: bool) -> str:
    """Return the network address to connect to. Raises `NotPosted` when one of them is refused."""
    if reasons := url_problems(url, allow_local=allow_local):
        raise NotPosted(reasons[0].sentence)
    parts = urlsplit(url)
    found = addresses(parts.hostname, port_of(parts))
    for address in found:
        # One bad address among good ones is no accident: it is how a check is stepped around.
        if problem := address_problem(address, allow_local=allow_local):
            raise NotPosted(problem)
    return found[0]


def post(url: str, headers: dict[str, str], body: bytes, *, allow_local: bool = False) -> int:
    """Send `body` and return the status, which is 2xx. Raises `NotPosted` for anything else."""
    address = judged_address(url, allow_local=allow_local)
    parts = urlsplit(url)
    kind = _PinnedTLS if parts.scheme == "https" else _Pinned
    connection = kind(parts.hostname, port_of(parts), address)
    # A step of ten seconds is bounded by the socket; a thousand short ones are bounded by this.
    watch = threading.Timer(TOTAL, connection.cut)
    watch.daemon = True
    watch.start()
    try:
        path = parts.path or "/"
        connection.request(
            "POST", f"{path}?{parts.query}" if parts.query else path, body=body, headers=headers
        )
        answer = connection.getresponse()
        status = answer.status
        answer.read(ANSWER)
    except (OSError, http.client.HTTPException) as error:
        why = "It took too long." if connection.was_cut else f"{type(error).__name__}: {error}"
        raise NotPosted(why) from error
    finally:
        watch.cancel()
        connection.close()
    if not 200 <= status < 300:
        said = " Redirects are not followed." if 300 <= status < 400 else ""
        raise NotPosted(f"It answered {status}.{said}", status=status, gone=status == 410)
    return status


def tls_context() -> ssl.SSLContext:
    """Return what certificates are checked by: the machine's own list of authorities."""
    return ssl.create_default_context()


class _Pinned(http.client.HTTPConnection):
    """A connection that goes to one network address, whatever its host's name says meanwhile."""

    was_cut = False

    def __init__(self, host: str, port: int, address: str):
        super().__init__(host, port, timeout=STEP)
        self.address = address

    def connect(self):
        self.sock = socket.create_connection((self.address, self.port), self.timeout)

    def cut(self) -> None:
        """End the connection from another thread; whoever waits on it gets an error."""
        self.was_cut = True
        if self.sock is not None:
            try:
                # Below TLS, whose own farewell would wait for the other side.
                socket.socket.shutdown(self.sock, socket.SHUT_RDWR)
            except OSError:
                return


class _PinnedTLS(_Pinned):
    """The same over TLS, whose certificate is checked against the host's name."""

    default_port = http.client.HTTPS_PORT

    def connect(self):
        super().connect()
        # Wrapped first and shaken after, so that `cut` always holds the socket that is in use.
        self.sock = tls_context().wrap_socket(
            self.sock, server_hostname=self.host, do_handshake_on_connect=False
        )
        self.sock.do_handshake()
