"""Everything from nothing: migrate, seed, say who signs in, serve."""

import os
import socket
import sys
from datetime import timedelta

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from audit import clock, context
from gates.models import Promotion
from portal.demo import people
from portal.demo.seeding import NotSeedable, is_seeded, prepare, seed
from portal.demo.stories.routers import say_what_is_held
from registry.models import Person
from registry.transitions import issue_token

#: What the printed question to the API asks about.
USE_CASE, ENVIRONMENT = "claims-triage", "regulated-eu"


class Command(BaseCommand):
    help = "Start the demo: make and fill its database if need be, print sign-ins, serve."
    requires_system_checks = ()  # there may be no database yet that they could look at
    requires_migrations_checks = False

    def add_arguments(self, parser):
        parser.add_argument("--port", type=int, default=8000, help="Where it listens (8000).")
        parser.add_argument("--no-serve", action="store_true", help="Prepare and print, and end.")

    @context.through("command:demo")
    def handle(self, *args, port, no_serve, **options):
        if not settings.GATEHOUSE_DEMO:
            raise CommandError("Start it as `python manage.py demo`, or set GATEHOUSE_DEMO=1.")
        if not no_serve:
            self._refuse_taken(port)
        self._fill()
        say_what_is_held(clock.now())
        self._print(port, self._token())
        if not no_serve:
            self._serve(port)

    def _refuse_taken(self, port: int) -> None:
        # Asked first: filling the database takes half a minute.
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except (OSError, OverflowError) as error:
                raise CommandError(
                    f"Port {port} cannot be had ({error}). Name a free one with --port."
                ) from error

    def _fill(self) -> None:
        self._say("Preparing the database …")
        prepare()
        try:
            if not is_seeded():
                self._say("Telling seven months of releases, evidence and signatures …")
                seed(clock.now())
        except NotSeedable as error:
            raise CommandError(str(error)) from error

    def _token(self) -> str:
        """Return a new token of the pipeline that ends tomorrow; old ones cannot be shown again."""
        now = clock.now()
        _, token = issue_token(
            Person.objects.get(username=people.PIPELINE.username).pk,
            name=f"demo {now:%Y-%m-%d %H:%M:%S}",
            expires_at=now + timedelta(days=1),
            actor=Person.objects.get(username=people.FIRST_ADMINISTRATOR.username),
            reason="The demo was started.",
        )
        return token

    def _print(self, port: int, token: str) -> None:
        members = (people.FIRST_ADMINISTRATOR, *people.PEOPLE)
        rows = [("user name", "role", "team", "")]
        rows += [
            (
                member.username,
                ", ".join(role.label for role in member.roles),
                member.team or "all",
                member.about,
            )
            for member in members
        ]
        widths = [max(len(row[column]) for row in rows) for column in range(3)]
        lines = [
            "  ".join(
                [*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[3]]
            )
            for row in rows
        ]
        release = (
            Promotion.objects.filter(
                release__use_case__slug=USE_CASE, environment__slug=ENVIRONMENT
            )
            .earliest("pk")
            .release
        )
        address = f"http://localhost:{port}"
        self._say(
            "",
            *(line.rstrip() for line in lines),
            "",
            f"Password of everybody: {people.PASSWORD}",
            "",
            f"API token, for a day:  {token}",
            f"May {release} run in {ENVIRONMENT}?",
            "",
            f'  curl -H "Authorization: Bearer {token}" \\',
            f'    "{address}/api/v1/decision/?release={release.digest}&environment={ENVIRONMENT}"',
            "",
            f"Data: {settings.DATA_DIR} (remove it to start afresh)",
            f"Portal: {address}/",
        )

    def _serve(self, port: int) -> None:
        """Become the web server that production runs, with its own configuration."""
        os.environ["GATEHOUSE_DEMO"] = "1"
        os.environ["BIND"] = f"127.0.0.1:{port}"
        os.chdir(settings.BASE_DIR)
        # The same interpreter and a fixed list of arguments.
        os.execv(  # noqa: S606
            sys.executable,
            [sys.executable, "-m", "gunicorn", "--config", "config/gunicorn.py"],
        )

    def _say(self, *lines: str) -> None:
        for line in lines:
            self.stdout.write(line)
        self.stdout.flush()
