"""`manage.py import_model_card`: a model card becomes a draft version, and its scores runs."""

from pathlib import Path

from evidence.imports import cards
from evidence.imports.command import ImportCommand, file_bytes
from evidence.imports.said import Said


class Command(ImportCommand):
    help = (
        "Bring in a model card (Markdown with YAML settings) as a draft version of a model. "
        "Its scores become self-reported runs once the version is sealed: run it again then."
    )

    def add_arguments(self, parser):
        super().add_arguments(parser)
        parser.add_argument("file", help="the card, such as README.md")
        parser.add_argument("--model", default="", help="name of the model, if not the card's")
        parser.add_argument("--model-version", default="1", help="our name for the version")

    def read(self, options: dict) -> Said:
        return cards.read(
            file_bytes(options["file"], cards.LARGEST),
            name=Path(options["file"]).name,
            version=options["model_version"],
            model=options["model"],
        )
