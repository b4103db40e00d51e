"""Everything that must hold before a change is taken: `python -m tests`.

Style, imports, migrations, the settings of production, the API's description, then the whole
suite on SQLite, and what asks the database again on PostgreSQL. Stops at the first that fails.
What stands behind the command goes to pytest: `python -m tests -k decision`.
"""

import os
import secrets
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.postgres import server

ROOT = Path(__file__).resolve().parent.parent
TOOLS = Path(sys.executable).parent
MANAGE = [sys.executable, "manage.py"]


def run(title: str, *command: str, **environ: str) -> None:
    """Run one step, or end the whole run with the step's name and exit code."""
    print(f"\n=== {title}", flush=True)
    code = subprocess.run(command, cwd=ROOT, env={**os.environ, **environ}).returncode
    if code:
        print(f"\nStopped: {title} failed (exit code {code}).", file=sys.stderr)
        sys.exit(code)


def in_production(folder: str) -> dict[str, str]:
    """Return the environment of a production instance on an empty SQLite database."""
    unset = {"GATEHOUSE_DEMO": "0", "DEBUG": "0", "GATEHOUSE_HTTPS": "1", "LOG_LEVEL": "WARNING"}
    return unset | {
        "GATEHOUSE_ENV_FILE": os.devnull,
        "GATEHOUSE_DATA_DIR": folder,
        "GATEHOUSE_STATIC_ROOT": f"{folder}/static",
        "DATABASE_URL": f"sqlite:///{folder}/production.sqlite3",
        "SECRET_KEY": secrets.token_urlsafe(50),
        "ALLOWED_HOSTS": "gatehouse.example.com",
    }


def main(arguments: list[str]) -> None:
    run("Style: ruff", str(TOOLS / "ruff"), "check", "--quiet")
    run("Format: ruff", str(TOOLS / "ruff"), "format", "--check", "--quiet")
    run("Imports point down: import-linter", str(TOOLS / "lint-imports"), "--no-logo")
    with tempfile.TemporaryDirectory(prefix="gatehouse-") as folder:
        production = in_production(folder)
        run("Migrations are written", *MANAGE, "makemigrations", "--check", **production)
        run("Migrations run", *MANAGE, "migrate", "--verbosity", "0", **production)
        run(
            "Production settings: check --deploy",
            *(*MANAGE, "check", "--deploy", "--database", "default", "--fail-level", "WARNING"),
            **production,
        )
        run(
            "Static files are whole: collectstatic",
            *(*MANAGE, "collectstatic", "--no-input", "--verbosity", "0"),
            **production,
        )
        run(
            "The API describes itself: OpenAPI",
            *(*MANAGE, "spectacular", "--validate", "--fail-on-warn", "--file", os.devnull),
            **production,
        )
    # One worker for each core; a file stays together, so that its races have company.
    workers = str(min(os.cpu_count() or 1, 4))
    suite = [sys.executable, "-m", "pytest", "-q", "-n", workers, "--dist", "loadfile", *arguments]
    run("The suite on SQLite", *suite, DATABASE_URL="")
    with server() as url:
        run("The suite on PostgreSQL", *suite, "--what-asks-the-database", DATABASE_URL=url)


if __name__ == "__main__":
    main(sys.argv[1:])
