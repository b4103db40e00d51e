"""The entrance for web servers."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
# Statements have a time limit here, and none in commands.
os.environ["GATEHOUSE_WEB"] = "1"

application = get_wsgi_application()
