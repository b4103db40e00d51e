"""Where a webhook may point, how its messages are signed, and when it is given up. Pure.

The form is that of Standard Webhooks: headers `webhook-id`, `webhook-timestamp` and
`webhook-signature`, the last `v1,` and an HMAC-SHA256 over "id.timestamp.body" in base64.
"""

import base64
import binascii
import hashlib
import hmac
import ipaddress
from datetime import datetime
from urllib.parse import SplitResult, urlsplit

from audit.refusals import Reason

SECRET_PREFIX = "whsec_"
#: Bytes of a secret.
SECRET_LENGTH = 32
LONGEST_URL = 500
#: Names that mean this machine; allowed only where local addresses are.
LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")

#: Ranges that carry an address of another family inside: what they lead to cannot be told.
_CARRYING = tuple(
    ipaddress.ip_network(text) for text in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16")
)


def url_problems(url: str, *, allow_local: bool = False) -> list[Reason]:
    """Return every reason why a webhook may not point to `url`, before any name is resolved."""

    def reason(code: str, sentence: str) -> list[Reason]:
        return [Reason(code, sentence, "url")]

    if len(url) > LONGEST_URL:
        return reason("URL_LONG", f"The address is longer than {LONGEST_URL} characters.")
    if not url.isascii() or any(sign.isspace() or not sign.isprintable() for sign in url):
        return reason("URL_SIGNS", "The address holds signs that no address has.")
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return reason("URL_NOT_READ", "This is not an address.")
    if not host:
        return reason("URL_NO_HOST", "The address names no host.")
    found = []
    local = allow_local and host in LOCAL_NAMES
    if parts.scheme != "https" and not (local and parts.scheme == "http"):
        found += reason("URL_NOT_HTTPS", "The address begins with https://, and with nothing else.")
    if parts.username is not None or parts.password is not None:
        found += reason("URL_WITH_PASSWORD", "The address carries no user name and no password.")
    if parts.fragment:
        found += reason("URL_WITH_FRAGMENT", "What stands after # is never sent; leave it out.")
    try:
        literal = ipaddress.ip_address(host)
    except ValueError:
        return found
    if problem := address_problem(str(literal), allow_local=allow_local):
        found += reason("ADDRESS_REFUSED", problem)
    return found


def address_problem(address: str, *, allow_local: bool = False) -> str:
    """Return why nothing is sent to a network address, or an empty string.

    Whatever is not reachable from the whole internet is refused: private, loopback, link-local
    (where clouds keep their credentials), shared, reserved, multicast and unspecified.
    """
    ip = ipaddress.ip_address(address.partition("%")[0])
    mapped = getattr(ip, "ipv4_mapped", None)
    ip = mapped or ip
    if allow_local and ip.is_loopback:
        return ""
    carries = ip.version == 6 and any(ip in network for network in _CARRYING)
    if not ip.is_global or ip.is_multicast or ip.is_reserved or carries:
        return f"Nothing is sent to {ip}: it is not an address of the public internet."
    return ""


def port_of(parts: SplitResult) -> int:
    """Return the port of an address."""
    return parts.port or (443 if parts.scheme == "https" else 80)


def secret_text(secret: bytes) -> str:
    """Return a secret as it is shown: `whsec_` and base64."""
    return SECRET_PREFIX + base64.b64encode(secret).decode()


def secret_bytes(text: str) -> bytes:
    """Return the bytes of a secret that was shown. Raises `ValueError` for what is none."""
    try:
        return base64.b64decode(text.removeprefix(SECRET_PREFIX), validate=True)
    except binascii.Error:
        raise ValueError("This is not a secret of a webhook.") from None


def signature(secret: bytes, message_id: str, timestamp: int, body: bytes) -> str:
    """Return the value of the header `webhook-signature`."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    mac = hmac.new(secret, signed, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(mac).decode()}"


def is_dead(given_up: datetime, last_sent: datetime | None) -> bool:
    """Whether a webhook is to be switched off when a message made at `given_up` is given up.

    It is, unless anything reached it since that message was made: then only that one failed.
    """
    return last_sent is None or last_sent < given_up
