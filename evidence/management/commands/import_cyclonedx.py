"""`manage.py import_cyclonedx`: the models of an ML-BOM become draft versions."""

from pathlib import Path

from evidence.imports import cyclonedx
from evidence.imports.command import ImportCommand, file_bytes
from evidence.imports.said import Said


class Command(ImportCommand):
    help = (
        "Bring in the machine-learning models of a CycloneDX file with supplier, datasets and "
        "metrics. Metrics become self-reported runs once the version is sealed: run it again then."
    )

    def add_arguments(self, parser):
        super().add_arguments(parser)
        parser.add_argument("file", help="the bill of materials, as JSON")
        parser.add_argument(
            "--model-version",
            default="1",
            help="our name for a version that the file does not name",
        )

    def read(self, options: dict) -> Said:
        return cyclonedx.read(
            file_bytes(options["file"], cyclonedx.LARGEST),
            name=Path(options["file"]).name,
            version=options["model_version"],
        )
