"""End a signing key: publish it no longer and destroy its private half."""

from django.core.management.base import BaseCommand, CommandError

from audit import clock, keys
from audit.management.commands.make_key import say


class Command(BaseCommand):
    help = (
        "Retire a signing key: what it signed is taken by nobody any more, and its private half "
        "is destroyed. Refused while no other key signs."
    )
    requires_system_checks = ()

    def add_arguments(self, parser):
        parser.add_argument("kid", help="The key's thumbprint, as make_key printed it.")

    def handle(self, *args, kid, **options):
        now = clock.now()
        try:
            keys.retire(kid, now)
            say(self.stdout, now)
        except keys.NoKey as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"The key cannot be retired: {error}.") from error
