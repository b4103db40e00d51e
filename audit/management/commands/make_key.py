"""Make a key that this server signs with, publish it, and let it sign later."""

from datetime import timedelta

from django.core.management.base import BaseCommand, CommandError

from audit import clock, keys


class Command(BaseCommand):
    help = (
        "Make a signing key in SIGNING_KEYS_DIR. The first signs at once; each later one is "
        "published at once and signs in 24 hours, so that whoever verifies knows it by then."
    )
    requires_system_checks = ()  # keys are made before there is a database

    def add_arguments(self, parser):
        parser.add_argument(
            "--signs-in",
            type=int,
            metavar="HOURS",
            help="Sign after so many hours; 0 for at once, when a key was stolen.",
        )

    def handle(self, *args, signs_in, **options):
        if signs_in is not None and not 0 <= signs_in <= 24 * 365:
            raise CommandError("Give a number of hours from 0 to a year.")
        now = clock.now()
        try:
            key = keys.make(now, None if signs_in is None else now + timedelta(hours=signs_in))
            say(self.stdout, now)
        except keys.NoKey as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"The key cannot be written: {error}.") from error
        self.stdout.write(f"Made {key.kid}. Back its file up apart from the database.")


def say(out, now) -> None:
    """Write a line for each key."""
    signs = next((key.kid for key in reversed(keys.published()) if key.signs_from <= now), None)
    for key in keys.every():
        if key.retired_at:
            state = f"retired {key.retired_at:%Y-%m-%d %H:%M} UTC"
        elif key.kid == signs:
            state = "signs"
        elif key.signs_from > now:
            state = f"published; signs from {key.signs_from:%Y-%m-%d %H:%M} UTC"
        else:
            state = "published; signed before"
        out.write(f"{key.kid}  {state}")
