"""Addresses under /ingest/v1/, where pipelines and routers append."""

from django.urls import path

import evidence.ingest
import runtime.records.ingest

urlpatterns = [
    path("evidence/", evidence.ingest.GiveView.as_view(), name="ingest-evidence"),
    path("records/", runtime.records.ingest.AppendView.as_view(), name="ingest-records"),
]
