"""Addresses: probes and tools first, then the portal, which answers for all the rest."""

from django.contrib import admin
from django.urls import include, path, re_path

from config import health, problems, well_known
from runtime.traces.ingest import TracesView

urlpatterns = [
    path("healthz", health.alive, name="healthz"),
    path("readyz", health.ready, name="readyz"),
    path(".well-known/gatehouse-keys.json", well_known.signing_keys, name="signing-keys"),
    path("api/v1/", include("config.api_urls")),
    path("ingest/v1/", include("config.ingest_urls")),
    path("v1/traces", TracesView.as_view(), name="ingest-traces"),
    path("ofrep/v1/", include("config.ofrep_urls")),
    # The portal sends anonymous visitors of any unknown address to its sign-in; tools get 404.
    re_path(problems.FOR_TOOLS, problems.not_found),
    path("", admin.site.urls),
]

handler400 = problems.bad_request
handler403 = problems.permission_denied
handler404 = problems.page_not_found
handler500 = problems.server_error
