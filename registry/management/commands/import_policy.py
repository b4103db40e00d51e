"""`manage.py import_policy`: packs that are kept in git become drafts."""

import json
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from audit import Refused, context
from registry import policy_import
from registry.models import Person
from registry.policy.reading import MOST_BYTES
from registry.policy_import import Plan, Source


class Command(BaseCommand):
    help = (
        "Bring in policy packs from YAML files, as exported from a version's page: each becomes a "
        "draft, or amends the one there is. A second person publishes it. Running it again changes "
        "nothing that has not changed."
    )

    def add_arguments(self, parser):
        parser.add_argument("files", nargs="+", metavar="FILE", help="packs as YAML")
        parser.add_argument("--as", dest="username", required=True, help="who imports")
        parser.add_argument("--reason", default="Brought in from files.", help="for the record")
        parser.add_argument("--plan", action="store_true", help="show the plan and write nothing")
        parser.add_argument("--json", action="store_true", help="print the plan as JSON")

    @context.through("command:import_policy")
    def handle(self, *, files, username, reason, plan, **options):
        try:
            actor = Person.objects.get(username=username)
        except Person.DoesNotExist:
            raise CommandError(f"There is nobody named {username}.") from None
        sources = [Source(Path(path).name, _text(path)) for path in files]
        try:
            if plan:
                found = policy_import.make(sources, actor=actor)
            else:
                found = policy_import.carry_out(sources, actor=actor, reason=reason)
        except Refused as refused:
            raise CommandError("\n".join(one.sentence for one in refused.reasons)) from None
        if options["json"]:
            self.stdout.write(json.dumps(found.as_document(), ensure_ascii=False, indent=2))
        else:
            self._print(found, planned=plan)

    def _print(self, plan: Plan, *, planned: bool) -> None:
        for step in plan.steps:
            self.stdout.write(f"{step.verb:9}{step.noun}: {step.name}. {step.because}".rstrip())
            for sentence in step.details.get("changes", ()):
                self.stdout.write(f"           {sentence}")
        if planned:
            self.stdout.write("This is the plan; nothing was written.")
        elif not plan.writes:
            self.stdout.write("Nothing has changed; nothing was written.")


def _text(path: str) -> str:
    """Return a file's text, a little more than is read at most: its reader refuses what is longer.

    Raises `CommandError` for what cannot be read as UTF-8.
    """
    try:
        with Path(path).open("rb") as file:
            data = file.read(MOST_BYTES + 4)
        return data.decode("utf-8-sig", "strict" if len(data) <= MOST_BYTES else "ignore")
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise CommandError(f"{path} is not UTF-8 text.") from None
