"""How the web server runs: `gunicorn --config config/gunicorn.py`.

Behind a proxy that ends TLS, gunicorn believes its `X-Forwarded-Proto` only from addresses in
`FORWARDED_ALLOW_IPS` (127.0.0.1 unless told otherwise).
"""

import os
from pathlib import Path

import environ

env = environ.Env()
# Read here too: gunicorn listens before the application reads its settings.
env.read_env(os.environ.get("GATEHOUSE_ENV_FILE", Path(__file__).resolve().parent.parent / ".env"))

wsgi_app = "config.wsgi:application"
bind = env.str("BIND", default="127.0.0.1:8000")
forwarded_allow_ips = env.str("FORWARDED_ALLOW_IPS", default="127.0.0.1")
worker_class = "gthread"
workers = 2
threads = 4
# Longer than any statement may take, shorter than a person waits.
timeout = 30
# Workers start anew now and then, apart from each other, so that no leak grows for ever.
max_requests = 10_000
max_requests_jitter = 1_000
# Nobody steers it through a socket in a home directory; signals do, and two servers do not clash.
control_socket_disable = True
