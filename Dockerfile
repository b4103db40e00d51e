# Two stages: the first installs what is pinned by its hashes, the second runs it and no more.
FROM python:3.11-slim-bookworm AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/venv
COPY requirements.txt /tmp/requirements.txt
RUN /opt/venv/bin/pip install --require-hashes -r /tmp/requirements.txt
WORKDIR /opt/gatehouse
COPY . .
# Any key will do: nothing is signed while files are collected.
RUN GATEHOUSE_ENV_FILE=/dev/null GATEHOUSE_DATA_DIR=/tmp/build \
    GATEHOUSE_STATIC_ROOT=/opt/gatehouse/staticfiles ALLOWED_HOSTS=localhost \
    SECRET_KEY="$(/opt/venv/bin/python -c 'import secrets; print(secrets.token_urlsafe(50))')" \
    /opt/venv/bin/python manage.py collectstatic --no-input --verbosity 0

FROM python:3.11-slim-bookworm
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    GATEHOUSE_DATA_DIR=/var/lib/gatehouse/data SIGNING_KEYS_DIR=/var/lib/gatehouse/keys \
    GATEHOUSE_STATIC_ROOT=/opt/gatehouse/staticfiles BIND=0.0.0.0:8000
# Its number stays, so that volumes keep their owner. The program belongs to root: it cannot be
# changed by what it runs.
RUN useradd --system --uid 10001 --home-dir /var/lib/gatehouse --create-home gatehouse && \
    install -d -o gatehouse -g gatehouse -m 700 \
        /var/lib/gatehouse/data /var/lib/gatehouse/keys /var/lib/gatehouse/witness \
        /var/lib/gatehouse/backups
COPY --from=build /opt/venv /opt/venv
COPY --from=build /opt/gatehouse /opt/gatehouse
WORKDIR /opt/gatehouse
USER gatehouse
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s CMD \
    ["python", "-c", "import http.client as h; c = h.HTTPConnection('127.0.0.1', 8000, timeout=4); c.request('GET', '/healthz', headers={'Host': 'localhost'}); raise SystemExit(c.getresponse().status != 200)"]
CMD ["gunicorn", "--config", "config/gunicorn.py"]
