"""Whole stories in few words: a release with everything a gate asks for, and people to sign it.

Each goes through the public verbs; `tests.make` makes the nouns.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta

from audit import clock, system
from audit.verifying import record, verify
from evidence import transitions as evidence
from evidence.kinds import KINDS
from gates import transitions as gates
from gates.facts import gate_for
from gates.models import BreakGlass, Condition, PackagePerson, Promotion, Waiver
from gates.packages import live
from gates.review import review_facts
from gates.rules import open_slots
from gates.rules.conditions import Asked
from gates.rules.notices import FOR_WEBHOOKS
from gates.rules.signing import meanings
from registry.models import Environment, Person, Release, ServingEndpoint, SuiteVersion, UseCase
from registry.roles import Role
from tests import make

WHY = "Told in a test."

#: Answers to every required question of each kind.
ANSWERS = {
    "rollback_plan": {
        "target": "switch_off",
        "procedure": "The flag is set; people answer by hand.",
        "decides": "The on-call lead, within five minutes.",
    }
}


@dataclass
class Story:
    """A release on its way into an environment, and who is there to help it."""

    use_case: UseCase
    release: Release
    environment: Environment
    endpoint: ServingEndpoint
    suite: SuiteVersion
    requester: Person
    contributor: Person
    people: dict[str, Person] = field(default_factory=dict)
    promotion: Promotion | None = None

    def signer(self, role: str) -> Person:
        """Return the person who holds `role` and nothing else."""
        if role not in self.people:
            self.people[role] = make.make_person(make.name(role), role, team=self.use_case.team)
        return self.people[role]

    def give(self, kind: str, **values):
        """Give one item of evidence that passes, unless told otherwise."""
        values = {
            "release": self.release,
            "kind": kind,
            "title": f"{KINDS[kind].name} of {self.release}",
            "verdict": "pass",
            "standing": "independent" if kind == "independent_validation" else "internal",
            "vouched_by": "The laboratory",
            "answers": answers(kind),
            "actor": self.contributor,
            "reason": WHY,
            **values,
        }
        return evidence.give(**values)

    def give_run(
        self,
        text: str = "0.95",
        *,
        accept: bool = True,
        ran_at=None,
        run: dict | None = None,
        score: dict | None = None,
        **values,
    ):
        """Give a benchmark with one run that scores `text`, accepted by the reviewer.

        `run` and `score` say more of these two than the least.
        """
        metric = self.suite.metrics.get()
        run = {
            "suite_version": self.suite,
            "ran_at": ran_at or clock.now(),
            "source": "harness 1.0",
            "scores": [{"metric": metric, "text": text, **(score or {})}],
            **(run or {}),
        }
        item = self.give("benchmark", runs=[run], **values)
        run = item.runs.get()
        if accept:
            evidence.accept_run(run.pk, actor=self.signer(Role.REVIEWER), reason=WHY)
        return run

    def give_all(self, *, without: Iterable[str] = ()) -> dict:
        """Give all that the effective gate asks for; return the items by kind."""
        given = {}
        for requirement in gate_for(self.environment, self.use_case).requirements:
            kind = requirement.terms.get("kind")
            tiers = requirement.terms.get("tiers")
            if kind and kind not in without and (not tiers or self.use_case.risk_tier in tiers):
                given[kind] = self.give(kind)
            elif requirement.type == "score" and "benchmark" not in without:
                given["benchmark"] = self.give_run().item
        return given

    def ask(self, *, submit: bool = True) -> Promotion:
        """Ask for the promotion, and put it into review."""
        self.promotion = gates.request(
            release=self.release,
            environment=self.environment,
            endpoints=[self.endpoint],
            purpose="Faster answers for customers.",
            actor=self.requester,
            reason=WHY,
        )
        if submit:
            self.promotion = gates.submit(self.promotion.pk, actor=self.requester, reason=WHY)
        return self.promotion

    def ask_waiver(self, requirement: str = "sandbox.safety_checks", **values) -> Waiver:
        """Ask for a waiver that ends in a month, as the requester."""
        gate, _, code = requirement.partition(".")
        values = {
            "release": self.release,
            "environment": self.environment,
            "gate": gate,
            "code": code,
            "compensating_control": "Every answer is read by a person.",
            "ends_at": clock.now() + days(30),
            "actor": self.requester,
            "reason": "The laboratory is closed until spring.",
            **values,
        }
        return gates.ask_waiver(**values)

    def waive(self, requirement: str = "sandbox.safety_checks", **values) -> Waiver:
        """Ask for a waiver, and let the risk owner grant it."""
        waiver = self.ask_waiver(requirement, **values)
        risk_owner = self.signer(Role.RISK_OWNER)
        gates.grant_waiver(waiver.pk, password=make.PASSWORD, actor=risk_owner, reason=WHY)
        return waiver

    def approve_on_condition(self) -> Condition:
        """Approve the release in a sandbox of its own, on one condition; return that."""
        kept = self.environment, self.promotion
        self.environment = make.make_environment()
        self.ask()
        condition = Asked(
            "Measure refusals again.",
            self.requester.pk,
            clock.now() + days(30),
            "operational_readiness",
        )
        reviewer = self.signer(Role.REVIEWER)
        row = self.sign(reviewer, "approve_with_conditions", conditions=[condition])
        self.environment, self.promotion = kept
        return row.conditions.get()

    def break_glass(self, **values) -> BreakGlass:
        """Let the release in for four hours, as the reviewer."""
        values = {
            "release": self.release,
            "environment": self.environment,
            "endpoints": [self.endpoint],
            "incident": "INC-2041",
            "hours": 4,
            "password": make.PASSWORD,
            "actor": self.signer(Role.REVIEWER),
            "reason": "The model in front answers nothing.",
            **values,
        }
        return gates.break_glass(**values)

    def sign(self, person: Person, verdict: str = "approve", **values) -> PackagePerson:
        """Sign the live package, challenge and all; `values` take the place of what is honest."""
        promotion = Promotion.objects.get(pk=self.promotion.pk)
        package = live(promotion)
        roles = {role for role, _ in Person.objects.get(pk=person.pk).grants}
        role = next((slot.role for slot in package.gate.slots if slot.role in roles), "reviewer")
        digest = values.pop("package_digest", package.digest)
        challenge = values.pop("challenge", None) or gates.issue_challenge(
            promotion.pk, actor=person, verdict=verdict, package_digest=digest
        )
        values = {
            "challenge": challenge.pk,
            "package_digest": digest,
            "verdict": verdict,
            "meaning": meanings(verdict, role)[0][0],
            "reason": WHY,
            "password": make.PASSWORD,
            "actor": person,
            **values,
        }
        return gates.sign(promotion.pk, **values)

    def sign_all(self) -> Promotion:
        """Let everybody who is wanted approve."""
        promotion = Promotion.objects.get(pk=self.promotion.pk)
        for slot in open_slots(review_facts(promotion, live(promotion))):
            self.sign(self.signer(slot.role))
        return Promotion.objects.get(pk=self.promotion.pk)


def answers(kind: str) -> dict[str, str]:
    """Return an answer to every required question of a kind."""
    if kind in ANSWERS:
        return ANSWERS[kind]
    return {
        question.key: "As the report says."
        for question in KINDS[kind].questions
        if question.required and not question.only_if
    }


def verify_record(scope: str = "evidence"):
    """Verify the record and keep what was found, as `audit_verify` does."""
    started = clock.now()
    return record(verify(scope), scope=scope, actor=system("test"), started_at=started)


def story(
    stage: str = "sandbox", *, risk_tier: str = "minimal", dataset: dict | None = None, **release
) -> Story:
    """Return a sealed release with endpoint and full metadata, an environment, and two people."""
    suite = make.make_suite_version()
    demands = [{"metric": suite.metrics.get(), "threshold": "0.9"}]
    team = make.make_team()
    use_case = make.make_use_case(team=team, risk_tier=risk_tier, demands=demands)
    model = make.make_model(team=team, uses=[{"use_case": use_case, "stance": "intended"}])
    trained_on = make.make_dataset_version(team=team, **(dataset or {}))
    version = make.make_model_version(model=model, datasets=[(trained_on, "training")])
    endpoint = make.make_endpoint(version=version)
    return Story(
        use_case=use_case,
        release=make.make_release(use_case=use_case, version=version, **release),
        environment=make.make_environment(stage=stage),
        endpoint=endpoint,
        suite=suite,
        requester=make.make_person(make.name("requester"), Role.REQUESTER, team=team),
        contributor=make.make_person(make.name("giver"), Role.EVIDENCE_CONTRIBUTOR, team=team),
    )


def approved(stage: str = "sandbox", **values) -> Story:
    """Return a story whose promotion is approved."""
    told = story(stage, **values)
    told.give_all()
    if stage == "regulated":
        verify_record()
    told.ask()
    told.promotion = told.sign_all()
    assert told.promotion.state == Promotion.State.APPROVED
    return told


def make_webhook(**values):
    """Return (webhook, secret) of one that is sent every kind, at an address nobody answers."""
    values = {
        "name": make.name("hook"),
        "url": "https://198.41.0.4/hook",
        "kinds": FOR_WEBHOOKS,
        "actor": make.admin(),
        "reason": WHY,
        **values,
    }
    return gates.save_webhook(None, **values)


def days(number: float) -> timedelta:
    return timedelta(days=number)
