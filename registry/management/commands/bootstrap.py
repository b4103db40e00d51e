"""`manage.py bootstrap`: the first administrator, once."""

import getpass
import os

from django.core.management.base import BaseCommand, CommandError

from audit import Refused, context
from registry.transitions import bootstrap_administrator

VARIABLE = "GATEHOUSE_BOOTSTRAP_PASSWORD"


class Command(BaseCommand):
    help = (
        "Make the first administrator, who adds everybody else in the portal. It works once. "
        f"The password is asked for, or taken from {VARIABLE}."
    )

    def add_arguments(self, parser):
        parser.add_argument("--username", required=True, help="name to sign in with")
        parser.add_argument("--name", required=True, help="name as it is printed")
        parser.add_argument("--email", required=True, help="address for password resets")

    @context.through("command:bootstrap")
    def handle(self, *, username, name, email, **options):
        password = os.environ.get(VARIABLE) or self._ask()
        try:
            person = bootstrap_administrator(
                username=username, name=name, email=email, password=password
            )
        except Refused as refused:
            raise CommandError("\n".join(reason.sentence for reason in refused.reasons)) from None
        self.stdout.write(f"{person.username} is the first administrator. Sign in to add people.")

    def _ask(self) -> str:
        try:
            password = getpass.getpass("Password: ")
            again = getpass.getpass("Password, again: ")
        except (EOFError, KeyboardInterrupt):
            raise CommandError(f"No password was given. Type it, or set {VARIABLE}.") from None
        if password != again:
            raise CommandError("The two passwords differ. Nothing was made.")
        return password
