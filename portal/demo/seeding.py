"""Telling the stories: in the order of time, once."""

import heapq
from datetime import datetime

from django.core.management import call_command
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from audit import checkpoints, clock, keys
from portal.demo.people import PIPELINE
from portal.demo.stories import STORIES
from portal.demo.world import World
from registry.models import Person


class NotSeedable(Exception):
    """The database holds something else, or half of a demo; the text says what helps."""


def is_seeded() -> bool:
    """Whether the whole demo is there. Raises `NotSeedable` for anything but all or nothing."""
    if Person.objects.filter(username=PIPELINE.username, kind=Person.Kind.SERVICE).exists():
        return True
    if Person.objects.exists():
        raise NotSeedable(
            "The database holds people but not the whole demo: it is somebody else's, or seeding "
            "was interrupted. Remove the demo's data folder, or name an empty one in "
            "GATEHOUSE_DATA_DIR, and start again."
        )
    return False


def prepare() -> None:
    """Make a signing key if there is none, and migrate.

    An empty database is migrated as on the day that the stories begin. The gates are published by
    a migration: published today, no past decision could name them, and the record would only begin
    after all that it tells of.
    """
    if not keys.published():
        # It signs checkpoints from the first day of the stories on.
        begin = World(clock.now()).moment
        keys.make(begin, begin)
    if MigrationRecorder(connection).applied_migrations():
        call_command("migrate", verbosity=0)
        return
    with clock.at(World(clock.now()).moment):
        call_command("migrate", verbosity=0)


def seed(now: datetime) -> None:
    """Tell every story, each act when it is due; all of them end before `now`."""
    world = World(now)
    due = []
    for place, story in enumerate(STORIES):
        told = story(world)
        due.append((next(told), place, told))
    heapq.heapify(due)
    while due:
        at, place, told = due[0]
        world.moment = max(world.moment, at)
        try:
            heapq.heapreplace(due, (next(told), place, told))
        except StopIteration:
            heapq.heappop(due)
    checkpoints.attempt()
