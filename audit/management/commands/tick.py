"""Do what is due: notices, deliveries, sweeping. Run it every minute, on as many machines."""

import sys
import time

from django.core.management.base import BaseCommand, CommandError
from django.db import close_old_connections

from audit import context
from audit.ticking import run_due


class Command(BaseCommand):
    help = (
        "Run every job that is due: write notices, send what waits in the outbox, sweep what ran "
        "out. Safe to run twice and on several machines. Exit 0: all went well. Exit 1: a job "
        "failed; the log says how."
    )

    def add_arguments(self, parser):
        parser.add_argument(
            "--every",
            type=int,
            metavar="SECONDS",
            help="Do not end, but run again after so many seconds.",
        )
        parser.add_argument(
            "--all", action="store_true", help="Also the jobs that ran a short while ago."
        )

    @context.through("command:tick")
    def handle(self, *args, **options):
        every = options["every"]
        if every is not None and every < 1:
            raise CommandError("Give a number of seconds from 1 up.")
        failed = self._once(options["all"])
        while every is not None:
            time.sleep(every)
            close_old_connections()
            self._once(options["all"])
        if failed:
            sys.exit(1)

    def _once(self, everything: bool) -> bool:
        outcomes = run_due(everything=everything)
        for outcome in outcomes:
            self.stdout.write(f"{outcome.name}: {outcome.said}")
        self.stdout.flush()
        return any(outcome.failed for outcome in outcomes)
