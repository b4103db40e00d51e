"""`manage.py decision`: may this release run in this environment?"""

import json
import sys

from django.core.management.base import BaseCommand, CommandError

from audit import clock
from gates.decisions import decide
from gates.finding_pages import WITH, AssessmentSerializer, told
from gates.models import Promotion
from gates.rules.questions import read_question
from registry.models import Environment, Release

ALLOWED, NOT_ALLOWED, ERROR = 0, 1, 2


class Command(BaseCommand):
    help = (
        "Say whether a release may run in an environment, with every reason. Exits with 0 if it "
        "may, 1 if it may not, and 2 if there is no answer; only 0 means yes."
    )
    #: A check that fails would exit with 1, which is an answer.
    requires_system_checks = ()

    def add_arguments(self, parser):
        parser.add_argument("--release", required=True, help="Digest of the release.")
        parser.add_argument("--environment", required=True, help="Slug of the environment.")
        parser.add_argument("--at", help="A past instant, such as 2026-03-01T12:00:00Z.")
        parser.add_argument("--json", action="store_true", help="Answer as the API does.")
        parser.add_argument(
            "--findings",
            action="store_true",
            help="Say every finding about the newest promotion as well, as it was then.",
        )

    def handle(self, *, release, environment, at, json: bool, findings: bool, **options):
        try:
            answer = self._answer(release, environment, at, findings)
        except CommandError:
            raise
        except Exception as error:
            # Whatever went wrong, it must not pass for an answer.
            raise CommandError(f"There is no answer: {error}", returncode=ERROR) from error
        self.stdout.write(_document(answer) if json else _words(answer))
        if not answer["allowed"]:
            sys.exit(NOT_ALLOWED)

    def _answer(self, release: str, environment: str, at: str | None, findings: bool) -> dict:
        given = {"release": release, "environment": environment}
        question, reasons = read_question(given | ({} if at is None else {"at": at}), clock.now())
        if question is None:
            told = " ".join(f"--{reason.field}: {reason.sentence}" for reason in reasons)
            raise CommandError(told, returncode=ERROR)
        try:
            asked = (
                Release.objects.get(digest=question.release),
                Environment.objects.get(slug=question.environment),
            )
            answer = decide(*asked, question.at)
            return answer | ({"assessment": _newest(*asked, question.at)} if findings else {})
        except Release.DoesNotExist:
            sentence = "There is no sealed release of this digest."
        except Environment.DoesNotExist:
            sentence = "There is no environment of this name."
        raise CommandError(sentence, returncode=ERROR)


def _newest(release: Release, environment: Environment, at) -> dict | None:
    """Return what the API says of the findings of the newest promotion that was there then."""
    rows = Promotion.objects.filter(release=release, environment=environment).order_by("-pk")
    for promotion in rows.select_related(*WITH):
        if found := told(promotion, at):
            return dict(AssessmentSerializer(found).data)
    return None


def _document(answer: dict) -> str:
    return json.dumps(answer, ensure_ascii=False, indent=2)


def _words(answer: dict) -> str:
    headline = "Allowed" if answer["allowed"] else "Not allowed"
    lines = [f"{headline} in {answer['environment']} at {answer['at']}."]
    lines += [f"- {reason['code']}: {reason['sentence']}" for reason in answer["reasons"]]
    if answer["endpoints"]:
        lines.append(f"Endpoints: {', '.join(answer['endpoints'])}.")
    if "assessment" in answer:
        found = answer["assessment"]
        lines += ["", "Nobody had asked for it."] if found is None else _findings(found)
    return "\n".join(lines)


def _findings(found: dict) -> list[str]:
    head = f"Findings of promotion {found['promotion']}, {found['gate']} gate:"
    return ["", head, *map(_finding, found["findings"])]


def _finding(one: dict) -> str:
    said = f"- {one['gate']}.{one['code']} {one['status']}: {one['fact']}"
    return f"{said} To fix: {one['fix']} {one['fix_url']}" if one["fix_url"] else said
