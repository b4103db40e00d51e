"""`manage.py import_mlflow`: an MLflow registry becomes models and draft versions."""

import hashlib

from django.core.management.base import CommandError

from evidence.imports import mlflow
from evidence.imports.command import ImportCommand, file_bytes
from evidence.imports.mlflow_server import LARGEST_ANSWER, Server
from evidence.imports.reading import json_of
from evidence.imports.said import Said, mapping, mappings


class Command(ImportCommand):
    help = (
        "Bring in the registered models, versions, aliases and tags of an MLflow server, or of "
        "its saved answers. Running it again changes nothing that has not changed there."
    )

    def add_arguments(self, parser):
        super().add_arguments(parser)
        parser.add_argument("--server", default="", help="address, such as https://mlflow.example")
        parser.add_argument(
            "--from-files",
            nargs="+",
            default=[],
            metavar="FILE",
            help="saved JSON answers: registered-models/search or get, model-versions/search, "
            "runs/search or get",
        )

    def read(self, options: dict) -> Said:
        if bool(options["server"]) == bool(options["from_files"]):
            raise CommandError("Name a --server or files with --from-files, one of them.")
        if options["server"]:
            server = Server(options["server"])
            models, versions = server.models(), server.versions()
            return mlflow.read(models, versions, server.runs(versions), source=server.url)
        return self._saved(options["from_files"])

    def _saved(self, paths: list[str]) -> Said:
        models, versions, runs, warnings = {}, [], [], []
        sources = []
        for path in paths:
            data = file_bytes(path, LARGEST_ANSWER)
            answer = json_of(data, name=path, limit=LARGEST_ANSWER)
            sources.append(f"{path.rpartition('/')[2]} (sha256:{hashlib.sha256(data).hexdigest()})")
            if answer.get("next_page_token"):
                warnings.append(f"{path.rpartition('/')[2]} is one page of several: more follow.")
            listed = mappings(answer.get("registered_models", []))
            for model in [*listed, mapping(answer.get("registered_model"))]:
                if model:
                    models.setdefault(str(model.get("name", "")), model)
            versions += mappings(answer.get("model_versions", []))
            runs += mappings(answer.get("runs", []))
            runs += [mapping(answer["run"])] if "run" in answer else []
        if not models:
            raise CommandError("No file holds a registered model; nothing was imported.")
        return mlflow.read(
            models.values(), versions, runs, source=", ".join(sources), warnings=warnings
        )
