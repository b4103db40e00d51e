"""What every test stands on: the database, the evidence folder, the browser, the long ones."""

import gc
import os
import shutil
from pathlib import Path

import pytest
from hypothesis import settings as hypothesis

from tests.environment import DATA_DIR, SUFFIX
from tests.restoring import restore_after_each_transactional_test

CI = bool(os.environ.get("CI"))
LONG = bool(os.environ.get("GATEHOUSE_LONG"))
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")

# The same examples on every run unless somebody looks for new ones; machines may be slow.
hypothesis.register_profile("short", deadline=None, derandomize=True, max_examples=50)
hypothesis.register_profile("long", deadline=None, max_examples=2000)
hypothesis.load_profile("long" if LONG else "short")


def pytest_collection_modifyitems(config, items):
    left_out = [item for item in items if _is_left_out(item, config)]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in set(left_out)]
    if not CHROMIUM and not CI:
        for item in items:
            if "browser" in getattr(item, "fixturenames", ()):
                item.add_marker(pytest.mark.skip(reason="Chromium is not installed."))


def _is_left_out(item, config) -> bool:
    if item.get_closest_marker("long") and not LONG:
        return True
    if not config.getoption("--what-asks-the-database"):
        return False
    asks = {"db", "transactional_db", "live_server", "django_db_setup"} & set(item.fixturenames)
    return bool(item.get_closest_marker("look")) or not (
        asks or item.get_closest_marker("django_db")
    )


# --- Database -----------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def django_db_modify_db_settings():
    """Name the test database: a file on SQLite too, since races in memory prove nothing."""
    from django.db import connection

    settings = connection.settings_dict
    if connection.vendor == "sqlite":
        DATA_DIR.mkdir(parents=True, exist_ok=True)
        settings["TEST"]["NAME"] = str(DATA_DIR / "test.sqlite3")
    else:
        settings["TEST"]["NAME"] = f"test_gatehouse{SUFFIX}"
    # A connection kept by a thread of the live server would still read the file of the last test.
    settings["CONN_MAX_AGE"] = 0


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup, django_db_blocker):
    """Make the database and remember it as it is after the migrations."""
    with django_db_blocker.unblock():
        restore_after_each_transactional_test()
    # What is there now stays: looking through it again and again is a twentieth of the run.
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 20)


@pytest.fixture(autouse=True)
def nothing_is_left_over():
    """Empty what outlives a rolled back database: kept answers, evidence files, the cache."""
    from django.core.cache import cache

    from audit.kept import kept

    yield
    kept.clear()
    cache.clear()
    shutil.rmtree(DATA_DIR / "evidence", ignore_errors=True)


@pytest.fixture
def real_passwords(settings):
    """Hash passwords as in production."""
    from django.conf import global_settings

    settings.PASSWORD_HASHERS = global_settings.PASSWORD_HASHERS


@pytest.fixture(scope="session", autouse=True)
def signing_key():
    """A key that signs at any instant that a test tells of, made once for all runs."""
    from datetime import UTC, datetime

    from audit import keys

    long_ago = datetime(2000, 1, 1, tzinfo=UTC)
    return next(iter(keys.published()), None) or keys.make(long_ago, long_ago)


# --- Files ----------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of files that real tools made, named by `GATEHOUSE_SHARED`."""
    folder = Path(os.environ.get("GATEHOUSE_SHARED", ""))
    if not (folder / "data" / "model_cards").is_dir():
        pytest.skip("GATEHOUSE_SHARED names no folder with files of real tools.")
    return folder


@pytest.fixture(scope="session")
def bucket_server():
    """A server on this machine that speaks what S3 speaks."""
    from moto.server import ThreadedMotoServer

    # Credentials that open nothing, and none of the machine's own.
    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in keys.items():
            patch.setenv(name, value)
        for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):
            patch.delenv(name, raising=False)
        server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        server.start()
        yield "http://{}:{}".format(*server.get_host_and_port())
        server.stop()


@pytest.fixture
def bucket(settings, bucket_server, tmp_path):
    """The bucket that the settings name, empty; seen by the storage registry at once."""
    from django.core.files.storage import storages

    from config.object_storage import s3_storage

    settings.DATA_DIR = tmp_path
    settings.STORAGES = {
        **settings.STORAGES,
        "evidence": s3_storage("evidence", endpoint=bucket_server, region="us-east-1"),
    }
    bucket = storages["evidence"].bucket
    bucket.create()
    yield bucket
    bucket.objects.delete()
    bucket.delete()


# --- Browser --------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args):
    quiet = ["background-networking", "component-update", "sync", "quic", "gpu"]
    return {
        **browser_type_launch_args,
        "executable_path": CHROMIUM,
        "args": ["--no-sandbox", "--no-first-run", *(f"--disable-{name}" for name in quiet)],
    }


@pytest.fixture
def page(page, live_server):
    """A browser page that fails its test on script errors, policy violations or calls outside."""
    complaints = []

    def on_console(message):
        # A refused form answers 422 and the browser says so: that is no fault.
        if (
            message.type == "error"
            and "the server responded with a status of 4" not in message.text
        ):
            complaints.append(message.text)

    def on_request(request):
        if not request.url.startswith((live_server.url, "data:", "blob:")):
            complaints.append(f"call outside: {request.url}")

    page.on("console", on_console)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", on_request)
    page.set_default_timeout(10_000)
    yield page
    assert not complaints


@pytest.fixture
def assert_accessible(page):
    """Return a function that lets axe judge the page as it stands, in light and in dark.

    What a page looks like does not depend on the database, and looking takes seconds: it looks
    when the suite runs on SQLite.
    """
    from axe_playwright_python.sync_playwright import Axe
    from django.db import connection

    everything = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
    # All that differs in the dark are the colours.
    schemes = {"light": everything, "dark": {"type": "rule", "values": ["color-contrast"]}}

    def judge():
        for scheme, rules in schemes.items() if connection.vendor == "sqlite" else ():
            page.emulate_media(color_scheme=scheme)
            # Loading stylesheets anew, axe writes inline styles, which our own policy reports.
            result = Axe().run(page, options={"runOnly": rules, "preload": False})
            assert result.violations_count == 0, (
                f"{page.url} ({scheme})\n{result.generate_report()}"
            )

    return judge
