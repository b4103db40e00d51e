"""What the import commands share: who imports, into which team, the plan, and its print."""

import json
from datetime import UTC, datetime
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from audit import Refused, context
from evidence.imports import carrying
from evidence.imports.plan import Plan, Wish
from evidence.imports.said import Said
from registry.models import Person, Team
from registry.models.use_cases import DataClass


class ImportCommand(BaseCommand):
    """Reads a source, then plans or imports; subclasses say what to `read`."""

    def add_arguments(self, parser):
        parser.add_argument("--team", required=True, help="address of the team that will own it")
        parser.add_argument("--as", dest="username", required=True, help="who imports")
        parser.add_argument("--reason", default="Brought in from outside.", help="for the record")
        parser.add_argument("--plan", action="store_true", help="show the plan and write nothing")
        parser.add_argument("--json", action="store_true", help="print the plan as JSON")
        parser.add_argument(
            "--unit",
            action="append",
            default=[],
            metavar="[SUITE/]METRIC=UNIT",
            help="confirm a metric's unit, such as accuracy=%% or f1=fraction; a number alone "
            "never tells",
        )
        parser.add_argument(
            "--lower",
            action="append",
            default=[],
            metavar="METRIC",
            help="a metric of which less is better",
        )
        parser.add_argument(
            "--classification", default="", choices=["", *DataClass.values], help="of new datasets"
        )
        parser.add_argument("--jurisdiction", default="", help="of new datasets, such as DE")
        parser.add_argument("--ran-at", default="", help="day of the runs, such as 2026-09-30")

    def read(self, options: dict) -> Said:
        """Return what the source says."""
        raise NotImplementedError

    def handle(self, **options):
        with context.through(f"command:{type(self).__module__.rpartition('.')[2]}"):
            self._import(options)

    def _import(self, options: dict) -> None:
        try:
            actor = Person.objects.get(username=options["username"])
        except Person.DoesNotExist:
            raise CommandError(f"There is nobody named {options['username']}.") from None
        team = Team.objects.visible_to(actor).filter(slug=options["team"]).first()
        if team is None:
            raise CommandError(f"There is no team {options['team']} that {actor} sees.")
        wish = Wish(
            team=team,
            units=self._units(options["unit"]),
            lower=frozenset(options["lower"]),
            classification=options["classification"],
            jurisdiction=options["jurisdiction"],
            ran_at=self._day(options["ran_at"]),
        )
        try:
            said = self.read(options)
            if options["plan"]:
                plan = carrying.make(said, wish, actor=actor)
            else:
                plan = carrying.carry_out(said, wish, actor=actor, reason=options["reason"])
        except Refused as refused:
            raise CommandError("\n".join(reason.sentence for reason in refused.reasons)) from None
        if options["json"]:
            self.stdout.write(json.dumps(plan.as_document(), ensure_ascii=False, indent=2))
        else:
            self._print(plan, planned=options["plan"])

    def _print(self, plan: Plan, *, planned: bool) -> None:
        for step in plan.steps:
            self.stdout.write(f"{step.verb:9}{step.noun}: {step.name}. {step.because}".rstrip())
            for score in step.details.get("scores", ()):
                named = " ".join(filter(None, (score["metric"], score["filter"], score["subset"])))
                unit = score["unit"] or "(unit not said)"
                self.stdout.write(f"           {named} {score['value']} {unit}")
        for warning in plan.warnings:
            self.stdout.write(f"note     {warning}")
        if planned:
            self.stdout.write("This is the plan; nothing was written.")
        elif not plan.writes:
            self.stdout.write("Nothing has changed; nothing was written.")

    @staticmethod
    def _units(pairs: list[str]) -> dict[str, str]:
        units = {}
        for pair in pairs:
            metric, given, unit = pair.rpartition("=")
            if not given or not metric.strip() or not 0 < len(unit.strip()) <= 40:
                raise CommandError(f"“{pair}” is no unit. Write it as accuracy=fraction.")
            units[metric.strip()] = unit.strip()
        return units

    @staticmethod
    def _day(text: str) -> datetime | None:
        if not text:
            return None
        try:
            return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
        except ValueError:
            raise CommandError(f"“{text}” is no day. Write it as 2026-09-30.") from None


def file_bytes(path: str, limit: int) -> bytes:
    """Return a file's bytes, one more than `limit` at most: its reader refuses what is longer."""
    try:
        with Path(path).open("rb") as file:
            return file.read(limit + 1)
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}.") from None
