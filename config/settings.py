"""All settings, from the environment (and from `.env` beside `manage.py`, if it is there).

There are two ways to run: in production, which is the default and refuses to start until it is
told what it must not guess; and as a demo (`GATEHOUSE_DEMO=1`, which `manage.py demo` sets), which
needs nothing, answers on this machine only and keeps its data apart. `.env.example` lists every
variable.
"""

import os
import shlex
from datetime import timedelta
from pathlib import Path

import environ
from django.core.exceptions import ImproperlyConfigured

from config.object_storage import s3_storage
from config.router_ages import max_age
from config.single_sign_on import APPS as SSO_APPS
from config.single_sign_on import MIDDLEWARE as SSO_MIDDLEWARE
from config.single_sign_on import single_sign_on

BASE_DIR = Path(__file__).resolve().parent.parent

env = environ.Env()

GATEHOUSE_DEMO = env.bool("GATEHOUSE_DEMO", default=False)
# The demo seeds invented people: it must never reach the database that `.env` names.
if not GATEHOUSE_DEMO:
    env.read_env(os.environ.get("GATEHOUSE_ENV_FILE", BASE_DIR / ".env"))


# --- What production is never left to guess ---------------------------------------------------

# Known to everybody who can read this file, so whatever it signs proves nothing.
DEMO_SECRET_KEY = "gatehouse-demo-key-known-to-everybody-worth-nothing-at-all"

SECRET_KEY = env.str("SECRET_KEY", default=DEMO_SECRET_KEY if GATEHOUSE_DEMO else "")
DEBUG = env.bool("DEBUG", default=False)
ALLOWED_HOSTS = env.list(
    "ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"] if GATEHOUSE_DEMO else []
)
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])

if not GATEHOUSE_DEMO:
    wrong = []
    if not SECRET_KEY:
        wrong.append(
            "SECRET_KEY is not set. Set it to a random text of 50 characters or more, for "
            "instance from: python3 -c 'import secrets; print(secrets.token_urlsafe(50))'"
        )
    elif SECRET_KEY == DEMO_SECRET_KEY:
        wrong.append(
            "SECRET_KEY is the key of the demo, which everybody knows. Set one of your own."
        )
    elif len(SECRET_KEY) < 50 or len(set(SECRET_KEY)) < 5:
        wrong.append("SECRET_KEY is too easy to guess. Set 50 random characters or more.")
    if DEBUG:
        wrong.append("DEBUG is on and would show secrets to visitors. Unset it, or set DEBUG=0.")
    if not ALLOWED_HOSTS:
        wrong.append(
            "ALLOWED_HOSTS is not set. Name the hosts that people and tools call, separated by "
            "commas, for instance ALLOWED_HOSTS=gatehouse.example.com"
        )
    elif "*" in ALLOWED_HOSTS:
        wrong.append("ALLOWED_HOSTS is * and would accept any host. Name the hosts one by one.")
    if wrong:
        raise ImproperlyConfigured(
            "Gatehouse does not start in production like this:\n- "
            + "\n- ".join(wrong)
            + "\nTo try it out without any setting, run: python manage.py demo"
        )


# --- Apps and pages ---------------------------------------------------------------------------

INSTALLED_APPS = [
    "portal.apps.PortalAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "simple_history",
    "rest_framework",
    "django_filters",
    "knox",
    "drf_spectacular",
    "audit.apps.AuditConfig",
    "registry.apps.RegistryConfig",
    "evidence.apps.EvidenceConfig",
    "gates.apps.GatesConfig",
    "runtime.apps.RuntimeConfig",
    "portal.apps.PortalConfig",
]

MIDDLEWARE = [
    "config.middleware.request_id",
    "config.middleware.security_headers",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "config.bodies.bounded",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "config.middleware.DatabaseBusy",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]

# British English for its dates, "21 Nov 2026"; times are stored and shown in UTC.
LANGUAGE_CODE = "en-gb"
FORMAT_MODULE_PATH = ["portal.formats"]
TIME_ZONE = "UTC"
USE_TZ = True


# --- Database ---------------------------------------------------------------------------------

DATA_DIR = Path(
    env.str("GATEHOUSE_DATA_DIR", default=str(BASE_DIR / "data" / ("demo" * GATEHOUSE_DEMO)))
).resolve()
_sqlite, _postgresql = "django.db.backends.sqlite3", "django.db.backends.postgresql"
_database = {"ENGINE": _sqlite, "NAME": str(DATA_DIR / "gatehouse.sqlite3")}
if _url := env.str("DATABASE_URL", default=""):
    _database = env.db_url_config(_url)
    # What keeps the record append-only is written for these two and tested on both.
    if _database.get("ENGINE") not in (_sqlite, _postgresql):
        raise ImproperlyConfigured(
            "DATABASE_URL names no database that Gatehouse runs on. Begin it with postgres:// or "
            "sqlite:///, or unset it for a SQLite file in GATEHOUSE_DATA_DIR."
        )
DATABASES = {"default": _database}
_database.setdefault("OPTIONS", {})
_database["CONN_MAX_AGE"] = 600
_database["CONN_HEALTH_CHECKS"] = True
if _database["ENGINE"] == _sqlite:
    Path(_database["NAME"]).parent.mkdir(parents=True, exist_ok=True)
    _database["OPTIONS"] |= {
        # A transaction takes the write lock when it begins: two that read first and write later
        # would otherwise find the database locked, and no waiting helps them.
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        # INSERT OR REPLACE slips past the append-only triggers unless triggers are recursive.
        # The write-ahead log of SQLite before 3.51.3 can corrupt: keep the rollback journal.
        "init_command": "PRAGMA foreign_keys=ON; PRAGMA recursive_triggers=ON; "
        "PRAGMA journal_mode=DELETE; PRAGMA synchronous=FULL;",
    }
elif env.bool("GATEHOUSE_WEB", default=False) and (
    _timeout := env.int("DATABASE_STATEMENT_TIMEOUT_MS", default=5000)
):
    # A page that takes longer is a fault; commands such as migrate take their time. A worker
    # that hangs inside a transaction may hold the lock of the log's head.
    _database["OPTIONS"]["options"] = (
        f"-c statement_timeout={_timeout} -c idle_in_transaction_session_timeout={_timeout * 6}"
    )

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
# Knox's own token table is swapped for ours; its migrations would still create it.
MIGRATION_MODULES = {"knox": None}


# --- People, sessions, tokens -----------------------------------------------------------------

AUTH_USER_MODEL = "registry.Person"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"
SESSION_COOKIE_AGE = 12 * 60 * 60
PASSWORD_RESET_TIMEOUT = 60 * 60
# Proxies whose word on the caller's address is taken, for counting failures at sign-in.
TRUSTED_PROXIES = env.list("FORWARDED_ALLOW_IPS", default=["127.0.0.1"])

SIMPLE_HISTORY_HISTORY_CHANGE_REASON_USE_TEXT_FIELD = True
SIMPLE_HISTORY_REVERT_DISABLED = True

KNOX_TOKEN_MODEL = "registry.ApiToken"
REST_KNOX = {
    "TOKEN_MODEL": KNOX_TOKEN_MODEL,
    "AUTH_HEADER_PREFIX": "Bearer",
    "TOKEN_TTL": timedelta(days=90),
    "TOKEN_PREFIX": "ghs_",
}

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["registry.authentication.TokenAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["registry.authentication.MayRead"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    # `format` in a query is an unknown parameter like any other.
    "URL_FORMAT_OVERRIDE": None,
    "EXCEPTION_HANDLER": "config.problems.answer_exception",
}

SPECTACULAR_SETTINGS = {
    "TITLE": "Gatehouse",
    "DESCRIPTION": "Which model version may run where, on what evidence, approved by whom.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "POSTPROCESSING_HOOKS": ["config.openapi.add_what_all_share"],
    "SCHEMA_PATH_PREFIX": "/api/v1",
}


# Sign-in at an identity provider, beside passwords; None unless the environment names one.
HTTPS = env.bool("GATEHOUSE_HTTPS", default=not GATEHOUSE_DEMO)
SINGLE_SIGN_ON = single_sign_on(env, https=HTTPS)
# Whether people may set up an authenticator app, whose codes are asked beside the password.
SECOND_FACTOR = env.bool("SECOND_FACTOR", default=False)
if SINGLE_SIGN_ON is not None:
    INSTALLED_APPS += SSO_APPS
    MIDDLEWARE += SSO_MIDDLEWARE
SOCIALACCOUNT_ADAPTER = "registry.single_sign_on.adapter.Adapter"
# Nothing of what allauth could do besides: no accounts made, no addresses kept, no tokens.
SOCIALACCOUNT_AUTO_SIGNUP = SOCIALACCOUNT_STORE_TOKENS = False
ACCOUNT_EMAIL_VERIFICATION = "none"


# --- Files ------------------------------------------------------------------------------------

STATIC_URL = "/static/"
STATIC_ROOT = Path(env.str("GATEHOUSE_STATIC_ROOT", default=str(BASE_DIR / "staticfiles")))
STATICFILES_DIRS = [folder] if (folder := BASE_DIR / "static").is_dir() else []
# The demo serves the files where they lie, so that nobody has to collect them first.
WHITENOISE_USE_FINDERS = WHITENOISE_AUTOREFRESH = GATEHOUSE_DEMO

# Evidence has no address of its own: it is read through a view that asks who is reading.
_evidence = {
    "BACKEND": "django.core.files.storage.FileSystemStorage",
    "OPTIONS": {
        "location": DATA_DIR / "evidence",
        "base_url": None,
        "file_permissions_mode": 0o600,
        "directory_permissions_mode": 0o700,
    },
}
if _bucket := env.str("EVIDENCE_S3_BUCKET", default=""):
    _evidence = s3_storage(
        _bucket,
        endpoint=env.str("EVIDENCE_S3_ENDPOINT", default=""),
        region=env.str("EVIDENCE_S3_REGION", default=""),
    )
STORAGES = {
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if GATEHOUSE_DEMO
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
    "evidence": _evidence,
}
STORAGES["default"] = STORAGES["evidence"]
# Bytes of one file, of all files of an item, and of all that one promotion may rest on.
EVIDENCE_FILE_MAX_BYTES = env.int("EVIDENCE_FILE_MAX_BYTES", default=50 * 1024**2)
EVIDENCE_ITEM_MAX_BYTES = env.int("EVIDENCE_ITEM_MAX_BYTES", default=200 * 1024**2)
EVIDENCE_PROMOTION_MAX_BYTES = env.int("EVIDENCE_PROMOTION_MAX_BYTES", default=2 * 1024**3)
EVIDENCE_ITEM_MAX_FILES = 50
# A program that is told a file's path and answers 0 if nothing was found in it, 1 if something was.
EVIDENCE_SCAN_COMMAND = shlex.split(env.str("EVIDENCE_SCAN_COMMAND", default=""))
EVIDENCE_SCAN_SECONDS = env.int("EVIDENCE_SCAN_SECONDS", default=20)
# Items that one token may bring in.
EVIDENCE_INGEST_RATE = env.str("EVIDENCE_INGEST_RATE", default="60/min")

# Batches of records that one token may bring in, and that one process takes in at once: the others
# are told to come again, so that threads are left for everybody else.
RECORDS_INGEST_RATE = env.str("RECORDS_INGEST_RATE", default="600/min")
RECORDS_AT_ONCE = 2
# Bodies of traces that one token may bring in.
TRACES_INGEST_RATE = env.str("TRACES_INGEST_RATE", default="600/min")
# Where the keys lie that snapshots' heads are signed with; they are never in the database.
SIGNING_KEYS_DIR = Path(env.str("SIGNING_KEYS_DIR", default=str(DATA_DIR / "keys")))
# The name of the log in its checkpoints, for good; and a file that gets every checkpoint, best on
# another machine's disk, or one that can only be appended to. Empty: no file.
CHECKPOINT_ORIGIN = env.str("CHECKPOINT_ORIGIN", default="")
CHECKPOINT_FILE = env.str(
    "CHECKPOINT_FILE", default=str(DATA_DIR / "checkpoints.ndjson") if GATEHOUSE_DEMO else ""
)
# Seconds for which a router may decide from data this old, by how closely what it routes is held.
ROUTER_MAX_AGE = max_age(env.dict("ROUTER_MAX_AGE", default={}))

# Bodies of requests; forms with files may be as large as an item is.
BODY_MAX_BYTES = 4 * 1024**2
# Uploads that one process takes in at once. It has four threads: one is left for everybody else.
UPLOADS_AT_ONCE = 3


# --- Mail -------------------------------------------------------------------------------------

vars().update(
    env.email_url(
        "EMAIL_URL", default="consolemail://" if GATEHOUSE_DEMO else "smtp://localhost:25"
    )
)
# A mail server that does not answer must not hold up what else is to be sent.
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = SERVER_EMAIL = env.str(
    "EMAIL_FROM", default=f"gatehouse@{ALLOWED_HOSTS[0].lstrip('.')}"
)

# What the links in mails and webhooks begin with.
GATEHOUSE_URL = env.str(
    "GATEHOUSE_URL",
    default="http://localhost:8000"
    if GATEHOUSE_DEMO
    else f"https://{ALLOWED_HOSTS[0].lstrip('.')}",
).rstrip("/")

# Lets webhooks point to this very machine, over plain HTTP: for the demo and for tests alone.
# Nothing of the environment turns it on: in production a webhook never reaches what is private.
WEBHOOKS_ALLOW_LOCAL = GATEHOUSE_DEMO


# --- Browsers ---------------------------------------------------------------------------------

# HTTPS is off for the demo and the tests alone: without it, cookies travel in the open.
SECURE_SSL_REDIRECT = SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SECURE_HSTS_SECONDS = env.int("HSTS_SECONDS", default=365 * 24 * 60 * 60) if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
# Probes call from inside, without TLS.
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
SECURE_REFERRER_POLICY = "same-origin"
CSRF_COOKIE_HTTPONLY = True
X_FRAME_OPTIONS = "DENY"

# Named like Django 6's own setting, so that its middleware can take over from ours.
SECURE_CSP = {
    "default-src": ["'none'"],
    "script-src": ["'self'"],
    "style-src": ["'self'"],
    "img-src": ["'self'"],
    "font-src": ["'self'"],
    "connect-src": ["'self'"],
    # A browser follows a form's answer no further than this.
    "form-action": ["'self'", *(SINGLE_SIGN_ON.form_action if SINGLE_SIGN_ON else ())],
    "frame-ancestors": ["'none'"],
    "base-uri": ["'none'"],
}


# --- Logs -------------------------------------------------------------------------------------

LOG_LEVEL = env.str("LOG_LEVEL", default="WARNING" if GATEHOUSE_DEMO else "INFO").upper()
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "config.logs.JsonFormatter"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
    "root": {"handlers": ["stderr"], "level": LOG_LEVEL},
    # Django's own handlers would write a second, unstructured line or mail the whole request.
    "loggers": {"django": {"handlers": [], "propagate": True, "level": LOG_LEVEL}},
}
