"""Production refuses to start until it is told what it must not guess, in words that help."""

import os
import re
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

GOOD = {
    "SECRET_KEY": "0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "ALLOWED_HOSTS": "gatehouse.example.com",
}


@pytest.fixture
def start(tmp_path):
    """Return a function that reads the settings in a process of its own and prints from them."""

    def start(expression="", **environ):
        base = {"PATH": os.environ["PATH"], "GATEHOUSE_ENV_FILE": os.devnull}
        return subprocess.run(
            [sys.executable, "-c", f"from config import settings as s; print({expression})"],
            env=base | {"GATEHOUSE_DATA_DIR": str(tmp_path)} | environ,
            capture_output=True,
            text=True,
        )

    return start


def test_production_starts_with_a_key_and_hosts(start):
    result = start("s.DEBUG, s.SECURE_SSL_REDIRECT, s.SESSION_COOKIE_SECURE", **GOOD)
    assert result.stdout.split() == ["False", "True", "True"], result.stderr


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"SECRET_KEY": ""}, "SECRET_KEY is not set. Set it to a random text"),
        (
            {"SECRET_KEY": "gatehouse-demo-key-known-to-everybody-worth-nothing-at-all"},
            "SECRET_KEY is the key of the demo",
        ),
        ({"SECRET_KEY": "short"}, "SECRET_KEY is too easy to guess"),
        ({"SECRET_KEY": "a" * 60}, "SECRET_KEY is too easy to guess"),
        ({"DEBUG": "1"}, "DEBUG is on and would show secrets"),
        ({"ALLOWED_HOSTS": ""}, "ALLOWED_HOSTS is not set. Name the hosts"),
        ({"ALLOWED_HOSTS": "*"}, "ALLOWED_HOSTS is * and would accept any host"),
        ({"DATABASE_URL": "mysql://a:b@c/d"}, "DATABASE_URL names no database"),
        ({"ROUTER_MAX_AGE": "secret=60"}, "ROUTER_MAX_AGE names secret; it takes public"),
        ({"ROUTER_MAX_AGE": "public=9"}, "public takes 10 to 604800 seconds"),
        ({"ROUTER_MAX_AGE": "public=604801"}, "public takes 10 to 604800 seconds"),
        ({"ROUTER_MAX_AGE": "internal=soon"}, "internal takes 10 to 604800 seconds, not 'soon'"),
        ({"ROUTER_MAX_AGE": "restricted=301"}, "lets more closely held data be routed by older"),
    ],
)
def test_production_refuses_in_words(start, wrong, words):
    result = start(**GOOD | wrong)
    assert result.returncode == 1
    assert words in result.stderr


def test_webhooks_reach_nothing_private_in_production_whatever_is_set(start):
    said = start("s.WEBHOOKS_ALLOW_LOCAL", **GOOD, WEBHOOKS_ALLOW_LOCAL="1")
    assert (said.returncode, said.stdout) == (0, "False\n"), said.stderr


def test_how_old_data_may_be_is_told_class_by_class(start):
    told = start("*s.ROUTER_MAX_AGE.values()", ROUTER_MAX_AGE="public=600,internal=600", **GOOD)
    assert told.stdout.split() == ["600", "600", "300", "60"], told.stderr


def test_every_fault_is_named_at_once(start):
    refusal = start(DEBUG="1").stderr
    for name in ("SECRET_KEY", "DEBUG", "ALLOWED_HOSTS", "manage.py demo"):
        assert name in refusal


def test_the_demo_needs_nothing_and_keeps_apart(start, tmp_path):
    result = start("s.DATABASES['default']['NAME'], *s.ALLOWED_HOSTS", GATEHOUSE_DEMO="1")
    assert result.stdout.split() == [
        f"{tmp_path}/gatehouse.sqlite3",
        *("localhost", "127.0.0.1", "[::1]"),
    ]


def test_the_demo_does_not_read_the_environment_file(start, tmp_path):
    file = tmp_path / "env"
    file.write_text("DATABASE_URL=postgres://real:secret@db/production\nALLOWED_HOSTS=a.example\n")
    told = {"GATEHOUSE_ENV_FILE": str(file), "SECRET_KEY": GOOD["SECRET_KEY"]}
    engine = "s.DATABASES['default']['ENGINE']"
    assert "postgresql" in start(engine, **told).stdout
    assert "sqlite3" in start(engine, **told, GATEHOUSE_DEMO="1").stdout


def test_sqlite_is_opened_so_that_nothing_acknowledged_is_lost(start):
    commands = start("s.DATABASES['default']['OPTIONS']['init_command']", **GOOD).stdout
    with closing(sqlite3.connect(":memory:")) as database:
        database.executescript("PRAGMA synchronous=OFF;" + commands)
        for pragma, value in {"synchronous": 2, "recursive_triggers": 1, "foreign_keys": 1}.items():
            assert database.execute(f"PRAGMA {pragma}").fetchone() == (value,)


@pytest.mark.parametrize(
    ("told", "limits"),
    [
        ({}, []),
        ({"DATABASE_STATEMENT_TIMEOUT_MS": "9000"}, []),
        ({"GATEHOUSE_WEB": "1"}, ["5000", "30000"]),
        ({"GATEHOUSE_WEB": "1", "DATABASE_STATEMENT_TIMEOUT_MS": "100"}, ["100", "600"]),
        ({"GATEHOUSE_WEB": "1", "DATABASE_STATEMENT_TIMEOUT_MS": "0"}, []),
    ],
)
def test_statements_are_limited_on_postgresql_in_the_web_alone(start, told, limits):
    told = {"DATABASE_URL": "postgres://a:b@c/d"} | told
    options = start("s.DATABASES['default']['OPTIONS'].get('options', '')", **GOOD, **told).stdout
    assert re.findall(r"timeout=(\d+)", options) == limits


def test_the_example_file_lists_every_variable(pytestconfig):
    # The demo command and the web entrance set these themselves; the third names the file.
    own = {"GATEHOUSE_DEMO", "GATEHOUSE_WEB", "GATEHOUSE_ENV_FILE"}
    code = "".join(path.read_text() for path in (pytestconfig.rootpath / "config").glob("*.py"))
    read = set(re.findall(r'env\.\w+\(\s*"([A-Z_]+)"', code))
    assert {"SECRET_KEY", "DATABASE_URL", "BIND"} <= read
    listed = (pytestconfig.rootpath / ".env.example").read_text()
    assert read - own == set(re.findall(r"^#?([A-Z_]+)=", listed, re.MULTILINE))


def test_the_production_lock_is_part_of_the_development_lock(pytestconfig):
    def pins(name):
        lines = (pytestconfig.rootpath / name).read_text().splitlines()
        return {line.split()[0] for line in lines if "==" in line}

    assert pins("requirements.txt")
    assert pins("requirements.txt") <= pins("requirements-dev.txt")


def test_nothing_of_single_sign_on_is_there_until_a_provider_is_named(start):
    told = "'allauth' in s.INSTALLED_APPS, s.SECURE_CSP['form-action']"
    assert start(told, **GOOD).stdout.strip() == "False [\"'self'\"]"
    provider = {
        "SSO_ISSUER": "https://login.example.com",
        "SSO_CLIENT_ID": "gatehouse",
        "SSO_CLIENT_SECRET": "a secret",
    }
    found = start(told, **GOOD, **provider).stdout.strip()
    assert found == "True [\"'self'\", 'https://login.example.com']"
