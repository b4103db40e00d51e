"""Loaded by pytest before Django reads its settings: production's, with what a test must change.

`TEST_DB_SUFFIX` keeps the database and files of several runs on one machine apart.
"""

import os
import socket
from pathlib import Path

SUFFIX = "".join(
    f"_{part}"
    for part in (os.environ.get("TEST_DB_SUFFIX"), os.environ.get("PYTEST_XDIST_WORKER"))
    if part
)
DATA_DIR = Path(__file__).resolve().parent.parent / "data" / f"test{SUFFIX}"

#: Where the identity provider of the tests listens once a test starts it: `tests.openid_provider`.
with socket.socket() as probe:
    probe.bind(("127.0.0.1", 0))
    PROVIDER = f"http://127.0.0.1:{probe.getsockname()[1]}"

for name in ("GATEHOUSE_DEMO", "DEBUG"):
    os.environ.pop(name, None)
os.environ.update(
    # What a developer keeps in .env is for running, not for tests.
    GATEHOUSE_ENV_FILE=os.devnull,
    GATEHOUSE_DATA_DIR=str(DATA_DIR),
    SECRET_KEY="a-key-for-tests-alone-0123456789-abcdefghijklmnopqrstuvwxyz",
    ALLOWED_HOSTS="testserver,localhost,127.0.0.1",
    GATEHOUSE_HTTPS="0",
    EMAIL_URL="memorymail://",
    LOG_LEVEL="WARNING",
    # What is optional is there, so that nothing of it goes untested; nobody is linked to it, and
    # nobody has a second factor, but where a test says so.
    SSO_ISSUER=PROVIDER,
    SSO_CLIENT_ID="gatehouse",
    SSO_CLIENT_SECRET="a-client-secret-for-tests-alone",
    SSO_NAME="Example login",
    SECOND_FACTOR="0",
)
# Playwright runs an event loop in the test's own thread, which Django takes for an async view.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")


def pytest_addoption(parser):
    parser.addoption(
        "--what-asks-the-database",
        action="store_true",
        help="Leave out what is the same on every database: pure rules, and what pages look like.",
    )


def pytest_configure(config):
    from django.conf import settings

    # Nobody collects static files before a test.
    settings.WHITENOISE_USE_FINDERS = settings.WHITENOISE_AUTOREFRESH = True
    settings.STORAGES["staticfiles"] = {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
    }
    # Waiting for the disk at each commit is for power cuts, which no test has.
    options = settings.DATABASES["default"]["OPTIONS"]
    if "init_command" in options:
        options["init_command"] = options["init_command"].replace(
            "synchronous=FULL", "synchronous=OFF"
        )
    # The real one takes a quarter of a second for each password; `real_passwords` brings it back.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
