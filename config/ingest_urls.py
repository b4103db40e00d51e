"""Addresses under /ingest/v1/, where pipelines and routers append."""

from django.urls import path

import evidence.ingest

urlpatterns = [
    path("evidence/", evidence.ingest.GiveView.as_view(), name="ingest-evidence"),
]
