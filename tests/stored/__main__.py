"""Store a small record of the present schema: an approval with its evidence, in a backup."""

import os
import sys
import tempfile
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent


def main(name: str) -> None:
    target = HERE / f"{name}.zip"
    with tempfile.TemporaryDirectory(prefix="gatehouse-stored-") as folder:
        from tests import environment

        os.environ["GATEHOUSE_DATA_DIR"] = f"{folder}/data"
        os.environ["DATABASE_URL"] = ""
        os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
        import django

        django.setup()
        environment.pytest_configure(None)
        record(Path(folder, "backup"))
        with zipfile.ZipFile(target, "x", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(Path(folder, "backup").rglob("*")):
                archive.write(path, path.relative_to(Path(folder, "backup")))


def record(folder: Path) -> None:
    """Tell a story in an empty database and back it up; no signatures, whose keys nobody keeps."""
    from django.core.management import call_command
    from django.db import connections

    from tests.stored import tell

    call_command("migrate", verbosity=0)
    tell()
    call_command("backup", str(folder))
    connections.close_all()


if __name__ == "__main__":
    main(*sys.argv[1:])
