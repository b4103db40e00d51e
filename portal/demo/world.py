"""The people at work: each verb of Gatehouse as somebody does it, a few minutes after the last."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from audit import clock, system
from audit.models import AuditReview, Head, Verification
from audit.verifying import record, verify
from evidence import transitions as evidence
from evidence.imports.said import kept
from evidence.models import EvidenceItem
from evidence.readers import read
from gates import transitions as gates
from gates.models import Promotion
from gates.packages import live
from gates.rules.conditions import Asked
from gates.rules.signing import meanings
from portal.demo.files import Made
from portal.demo.people import PASSWORD
from registry import transitions as registry
from registry.models import (
    Environment,
    ModelVersion,
    Objective,
    Person,
    PromptVersion,
    Release,
    ReleasePrompt,
    ServingEndpoint,
    SuiteVersion,
    Team,
    ToolGrant,
    ToolScope,
    UseCase,
)
from registry.roles import REVIEWING

#: Days before now on which the first of them sets up the portal.
BEGINS = 217
#: How long people take between one act and the next.
PACE = timedelta(minutes=4)


class World:
    """The demo's time and its people. Time only goes on, whoever's story is told."""

    def __init__(self, now: datetime):
        self.now = now
        self.moment = self.day(BEGINS)

    def day(self, ago: int, hour: int = 9) -> datetime:
        """Return the full hour, `ago` days before now; at least a day, so that it is past."""
        if ago < 1:
            raise ValueError("A story ends before now.")
        return (self.now - timedelta(days=ago)).replace(
            hour=hour, minute=0, second=0, microsecond=0
        )

    @contextmanager
    def act(self) -> Iterator[datetime]:
        """Let one act happen, at an instant of its own."""
        self.moment += PACE
        with clock.at(self.moment):
            yield self.moment

    # People

    def who(self, username: str) -> Person:
        """Return the person with their grants as they are now."""
        return Person.objects.get(username=username)

    # Registry

    def save(self, model, by: str, why: str, parts=None, /, **values):
        """Register one noun."""
        with self.act():
            return registry.save_row(
                model, None, values=values, parts=parts, actor=self.who(by), reason=why
            )

    def amend(self, row, by: str, why: str, parts=None, /, **values):
        """Amend one noun."""
        with self.act():
            return registry.save_row(
                type(row), row.pk, values=values, parts=parts, actor=self.who(by), reason=why
            )

    def release(
        self,
        use_case: str,
        version: tuple[str, str],
        *,
        by: str,
        prompts: Iterable[tuple[str, int]],
        grants: Iterable[tuple[str, str, str]] = (),
        objectives: Iterable[tuple[str, str, str]] = (),
        parameters: dict | None = None,
        on_call: str = "",
        notes: str = "",
        seal: bool = True,
    ) -> Release:
        """Register a release; `grants` are (tool, scope, authorisation). Sealed unless told not."""
        model, name = version
        release = self.save(
            Release,
            by,
            notes or "A release to be tried.",
            {
                ReleasePrompt: [
                    {
                        "prompt_version": PromptVersion.objects.get(
                            template__slug=slug, number=number
                        )
                    }
                    for slug, number in prompts
                ],
                ToolGrant: [
                    {
                        "scope": ToolScope.objects.get(tool__slug=tool, name=scope),
                        "authorization": how,
                    }
                    for tool, scope, how in grants
                ],
                Objective: [
                    {"metric": metric, "objective": objective, "window": window}
                    for metric, objective, window in objectives
                ],
            },
            use_case=UseCase.objects.get(slug=use_case),
            model_version=ModelVersion.objects.get(model__slug=model, version=name),
            parameters=parameters or {"temperature": "0", "max_output_tokens": 512},
            on_call_team=Team.objects.get(slug=on_call) if on_call else None,
            runbook=f"https://runbooks.halden.example/{use_case}" if on_call else "",
            notes=notes,
        )
        return self.seal(release, by) if seal else release

    def seal(self, release: Release, by: str) -> Release:
        """Seal a release."""
        with self.act():
            return registry.seal_release(
                release.pk, actor=self.who(by), reason="Complete; nothing in it changes any more."
            )

    # Evidence

    def give(
        self,
        subject: Release | ModelVersion,
        kind: str,
        title: str,
        *,
        by: str,
        verdict: str = "pass",
        standing: str = "internal",
        vouched_by: str = "",
        files: Iterable[Made] = (),
        suites: Iterable[tuple[str, int, Made]] = (),
        **answers: str,
    ) -> EvidenceItem:
        """Give an item with answers and files; each of `suites` (slug, number, file) is a run."""
        person = self.who(by)
        suites = list(suites)
        about = "release" if isinstance(subject, Release) else "version"
        with self.act() as now:
            return evidence.give(
                **{about: subject},
                kind=kind,
                title=title,
                verdict=verdict,
                standing=standing,
                vouched_by=vouched_by or person.name,
                answers=answers,
                files=[made.upload() for made in (*(made for _, _, made in suites), *files)],
                runs=[_run(slug, number, made, now) for slug, number, made in suites],
                actor=person,
                reason=f"{title}: given for {subject}.",
            )

    def accept(self, item: EvidenceItem, by: str, why: str) -> None:
        """Accept every run of an item."""
        for run in item.runs.order_by("pk"):
            with self.act():
                evidence.accept_run(run.pk, actor=self.who(by), reason=why)

    # Gates

    def ask(
        self,
        release: Release,
        environment: str,
        endpoints: Iterable[str],
        *,
        by: str,
        purpose: str,
        wanted_in: int | None = None,
        submit: bool = True,
    ) -> Promotion:
        """Ask for a promotion, wanted in so many days, and put it into review."""
        person = self.who(by)
        with self.act() as now:
            promotion = gates.request(
                release=release,
                environment=Environment.objects.get(slug=environment),
                endpoints=ServingEndpoint.objects.filter(slug__in=endpoints),
                purpose=purpose,
                wanted_by=now.date() + timedelta(days=wanted_in) if wanted_in else None,
                actor=person,
                reason=f"Opened for {release} into {environment}.",
            )
        if submit:
            with self.act():
                gates.submit(promotion.pk, actor=person, reason="The evidence is given.")
        return promotion

    def waive(
        self,
        promotion: Promotion,
        requirement: str,
        *,
        by: str,
        granted_by: str,
        days: int,
        why: str,
        control: str,
    ) -> None:
        """Ask for an exception that ends in so many days, and let a risk owner grant it."""
        gate, _, code = requirement.partition(".")
        with self.act() as now:
            waiver = gates.ask_waiver(
                release=promotion.release,
                environment=promotion.environment,
                gate=gate,
                code=code,
                compensating_control=control,
                ends_at=now + timedelta(days=days),
                actor=self.who(by),
                reason=why,
            )
        with self.act():
            gates.grant_waiver(
                waiver.pk, password=PASSWORD, actor=self.who(granted_by), reason="Small and short."
            )

    def sign(
        self,
        promotion: Promotion,
        by: str,
        why: str,
        verdict: str = "approve",
        meaning: str = "",
        conditions: Iterable[tuple[str, str, int, str]] = (),
    ) -> None:
        """Sign as somebody does: read the package, take a challenge for it, give the password.

        Each condition is (what, who, due in so many days, kind of evidence).
        """
        person = self.who(by)
        with self.act():
            package = live(Promotion.objects.get(pk=promotion.pk))
            challenge = gates.issue_challenge(
                promotion.pk, actor=person, verdict=verdict, package_digest=package.digest
            )
        role = next(role for role, _ in person.grants if role in REVIEWING)
        with self.act():
            gates.sign(
                promotion.pk,
                challenge=challenge.pk,
                package_digest=package.digest,
                verdict=verdict,
                meaning=meaning or meanings(verdict, role)[0][0],
                reason=why,
                password=PASSWORD,
                conditions=[
                    Asked(text, self.who(owner).pk, self.moment + timedelta(days=due), kind)
                    for text, owner, due, kind in conditions
                ],
                actor=person,
            )

    # Record

    def verify(self) -> None:
        """Let the operators' nightly job check the record and every evidence file."""
        scope = Verification.Scope.EVIDENCE
        with self.act() as started_at:
            record(verify(scope), scope=scope, actor=system("audit_verify"), started_at=started_at)

    def review_trail(self, by: str, first: int, findings: str, why: str) -> None:
        """Let an auditor record that they read the log from `first` to its end."""
        with self.act():
            registry.review_trail(
                first,
                Head.objects.get(pk=1).size - 1,
                outcome=AuditReview.Outcome.IN_ORDER,
                findings=findings,
                actor=self.who(by),
                reason=why,
            )


def _run(slug: str, number: int, made: Made, now: datetime) -> dict:
    """Return the run that a file holds, with the figures that the suite version knows."""
    version = SuiteVersion.objects.get(suite__slug=slug, number=number)
    metrics = {metric.name: metric for metric in version.metrics.all()}
    return {
        "suite_version": version,
        "ran_at": now - timedelta(hours=3),
        "source": made.source,
        "config": {"file": made.name, **_typed(made)},
        "scores": [
            {
                "metric": metrics[figure.metric],
                "text": figure.text,
                "stderr": figure.stderr,
                "samples": figure.samples,
            }
            for figure in made.figures
            if figure.metric in metrics
        ],
    }


def _typed(made: Made) -> dict:
    """Return what a red team's report says of each probe, as its reader types it."""
    found = read(made.upload(), made.name).details.get("red_team")
    return {"details": kept({"red_team": found})} if found else {}
