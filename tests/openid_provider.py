"""A real OpenID provider, Canaille, with two people and us as its client.

`provider()` runs it in a process of its own, where its libraries do not meet ours;
`python -m tests.openid_provider <port> <callback>` is that process.
"""

import datetime
import os
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parents[1]
#: Whoever signs in there, with this password; the subject is the user name.
PEOPLE = ("pat", "quin")
PASSWORD = "the password at the provider"


@contextmanager
def provider(callback: str) -> Iterator[str]:
    """Start the provider that the settings of the tests name; yield its address.

    It sends people back to `callback` and nowhere else.
    """
    from tests.environment import PROVIDER

    with tempfile.TemporaryFile("w+") as log, tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.openid_provider", str(urlsplit(PROVIDER).port), callback],
            # What it keeps, it keeps in the folder that it is started in.
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=log,
            stderr=log,
        )
        try:
            _wait_for(f"{PROVIDER}/.well-known/openid-configuration", process, log)
            yield PROVIDER
        finally:
            process.terminate()
            process.wait(20)


def _wait_for(address: str, process: subprocess.Popen, log) -> None:
    for _ in range(300):
        try:
            urllib.request.urlopen(address, timeout=5)
            return
        except (urllib.error.URLError, OSError):
            if process.poll() is not None:
                break
            time.sleep(0.1)
    log.seek(0)
    raise AssertionError(log.read())


def serve(port: int, callback: str) -> None:
    """Serve until the process ends; our own address is `callback`."""
    import canaille
    from canaille.app import models
    from canaille.backends import Backend
    from joserfc.jwk import RSAKey
    from werkzeug.serving import make_server

    key = RSAKey.generate_key(2048, {"kid": "tests", "use": "sig", "alg": "RS256"}, auto_kid=False)
    app = canaille.create_app(
        {
            "SECRET_KEY": "a-key-of-the-provider-for-tests-alone",
            "SERVER_NAME": f"127.0.0.1:{port}",
            "PREFERRED_URL_SCHEME": "http",
            "WTF_CSRF_ENABLED": False,
            "SESSION_TYPE": "cachelib",
            "CANAILLE": {"DATABASE": "memory", "CAPTCHA_ENABLED": False, "JAVASCRIPT": False},
            "CANAILLE_OIDC": {
                "ACTIVE_JWKS": [key.as_dict(private=True)],
                "REQUIRE_NONCE": True,
                "USERINFO_MAPPING": {"SUB": "{{ user.user_name }}"},
            },
        }
    )
    with app.app_context():
        backend = Backend.instance
        for name in PEOPLE:
            person = models.User(
                user_name=name,
                formatted_name=name.title(),
                family_name=name.title(),
                emails=[f"{name}@example.com"],
                password=PASSWORD,
            )
            backend.save(person)
        now = datetime.datetime.now(datetime.UTC)
        client = models.Client(
            client_id=os.environ["SSO_CLIENT_ID"],
            client_secret=os.environ["SSO_CLIENT_SECRET"],
            client_name="Gatehouse",
            client_id_issued_at=now,
            # One that asks nobody for consent: it is ours.
            client_uri="http://127.0.0.1/",
            redirect_uris=[callback],
            grant_types=["authorization_code"],
            response_types=["code"],
            scope=["openid", "profile", "email"],
            token_endpoint_auth_method="client_secret_post",
        )
        backend.save(client)
        client.audience = [client]
        backend.save(client)
    make_server("127.0.0.1", port, app, threaded=True).serve_forever()


if __name__ == "__main__":
    serve(int(sys.argv[1]), sys.argv[2])
