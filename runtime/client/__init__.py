"""The reference router: follows one environment and decides on its own where requests go.

Needs `runtime.routing` beside it, the standard library and `cryptography`; nothing of the server.
`docs/routers.md` says what it does, for whoever writes it in another language.
"""

from runtime.client.calling import Unreachable
from runtime.client.heads import Head, NotTrusted, keys_of, opened, thumbprint
from runtime.client.router import Router
from runtime.client.serving import AnswerBegun, Refused, worth_another
from runtime.client.spool import Spool, SpoolFull

__all__ = [
    "AnswerBegun",
    "Head",
    "NotTrusted",
    "Refused",
    "Router",
    "Spool",
    "SpoolFull",
    "Unreachable",
    "keys_of",
    "opened",
    "thumbprint",
    "worth_another",
]
