"""Settings of a real web server that a test starts on its own database."""

import os

from config.settings import *  # noqa: F403
from config.settings import DATABASES, STORAGES

DATABASES["default"]["NAME"] = os.environ["SERVED_DATABASE"]
ROOT_URLCONF = os.environ.get("SERVED_URLS", "config.urls")
# Nobody collects static files before a test.
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
WHITENOISE_USE_FINDERS = WHITENOISE_AUTOREFRESH = True
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EVIDENCE_INGEST_RATE = RECORDS_INGEST_RATE = TRACES_INGEST_RATE = "100000/min"
ROOT_URLCONF = os.environ.get("SERVED_URLCONF", "config.urls")
