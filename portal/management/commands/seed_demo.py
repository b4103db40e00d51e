"""Fill an empty database with the demo."""

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from audit import clock, context
from portal.demo.seeding import NotSeedable, is_seeded, seed


class Command(BaseCommand):
    help = "Fill an empty demo database with public models and invented people; twice is once."

    @context.through("command:seed_demo")
    def handle(self, *args, **options):
        if not settings.GATEHOUSE_DEMO:
            raise CommandError(
                "This is no demo, and invented people have no place elsewhere. Run "
                "`manage.py demo`, or set GATEHOUSE_DEMO=1 for a database that holds nothing else."
            )
        try:
            if is_seeded():
                self.stdout.write("The demo is there already; nothing is written.")
                return
        except NotSeedable as error:
            raise CommandError(str(error)) from error
        seed(clock.now())
        self.stdout.write("The demo is seeded.")
