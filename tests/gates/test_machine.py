"""Anything in any order: the verbs against a plain model of what they promise.

Allowed means that a quorum of different, eligible people signed the package that was decided on,
and that nothing which it rests on has ended. After each step the product is asked what the model
is asked; at the end of each story log, rows and history are reconciled.
"""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from audit import Refused, clock
from audit.kept import kept
from audit.verifying import verify
from evidence import transitions as evidence
from evidence.models import EvidenceItem
from gates import transitions
from gates.decisions import decide
from gates.models import GateVersion, PackagePerson, Promotion, Requirement
from gates.packages import live
from gates.rules.conditions import Asked
from gates.rules.signing import MEANINGS
from registry.models import RoleGrant, ServingEndpoint
from registry.transitions import end_grant
from tests import make
from tests.conftest import LONG
from tests.gates import machine as told
from tests.gates.stories import WHY, answers, story

pytestmark = pytest.mark.django_db

#: Of a story; the least that all of them together make is asserted, for some end early.
STEPS, LEAST = 30, 25
#: A Monday, later than anything that migrations wrote.
BEGIN = datetime(2031, 1, 6, 9, tzinfo=UTC)
PLACES = ("sandbox", "production")
ENDPOINTS = ("east", "west")
ROLES = {
    "ana": {"requester"},
    "gil": {"evidence_contributor"},
    "rita": {"reviewer"},
    "ruth": {"reviewer"},
    "otto": {"risk_owner"},
    "olga": {"risk_owner", "reviewer"},
    "mia": {"requester", "evidence_contributor", "reviewer", "risk_owner", "registrar"},
}
ALL_ROLES = sorted(set().union(*ROLES.values()))

people = st.sampled_from(sorted(ROLES))
places = st.sampled_from(PLACES)
endpoints = st.sampled_from([{"east"}, {"west"}, {"east", "west"}])
#: Which of the rows there are, counted from the newest.
which = st.integers(0, 3)
verdicts = st.sampled_from(("approve", "approve", "approve_with_conditions"))
kinds = st.sampled_from(told.KINDS)
lives = st.sampled_from((20, 60, 180))
requirements = st.sampled_from(
    [f"{gate}.{code}" for gate, asked in told.ASKED.items() for code in asked]
)


def likely(*names: str):
    """Somebody, and more often one of these."""
    return st.one_of(st.sampled_from(names), st.sampled_from(names), people)


class World:
    """What every story begins with: written once, and brought back after each of them."""

    def __init__(self):
        with clock.at(BEGIN):
            self.story = story("production")
            team = self.story.use_case.team
            self.places = {"sandbox": make.make_environment(), "production": self.story.environment}
            version = self.story.release.model_version
            self.endpoints = {name: make.make_endpoint(name, version=version) for name in ENDPOINTS}
            self.people = {
                name: make.make_person(name, *sorted(roles), team=team)
                for name, roles in ROLES.items()
            }
            self.pack = make.make_pack()
            make.author(), make.author("percy")


class Gatehouse(RuleBasedStateMachine):
    """One story; `world` and `steps` are set by the test."""

    world: World
    steps = 0

    def __init__(self):
        super().__init__()
        # Like a test's own transaction, so that a verb takes its own for the outermost.
        self.undone = transaction.atomic()
        self.undone._from_testcase = True
        self.undone.__enter__()
        kept.clear()
        self.now = BEGIN + timedelta(hours=1)
        self.model = told.Model(
            roles={name: set(roles) for name, roles in ROLES.items()},
            endpoints={name: self.address(name, 0) for name in ENDPOINTS},
            makers={name: {"rhea"} for name in ENDPOINTS},
            slots={"sandbox": {"reviewer": 1}, "production": {"risk_owner": 1}},
        )
        for name in ENDPOINTS:
            self.save_endpoint(name, 0, make.registrar())
        #: Forms that were opened: promotion, who, role, verdict, digest, challenge, package, when.
        self.forms: list[tuple] = []
        self.used = set()
        #: What was answered when, and the digest of every package.
        self.answered: list[tuple] = []
        self.digests: dict[tuple, str] = {}

    def teardown(self):
        try:
            if not connection.needs_rollback:
                connection.check_constraints()
                with clock.at(self.now):
                    assert verify("record").found == []
        finally:
            transaction.set_rollback(True)
            self.undone.__exit__(None, None, None)
            kept.clear()

    # Words

    def does(self, expected: bool, act, *arguments, **values):
        """Try a verb, a second after whatever came before; it goes through just if expected."""
        self.now += timedelta(seconds=1)
        with clock.at(self.now):
            try:
                result, refused = act(*arguments, **values), ""
            except Refused as error:
                result, refused = None, str(error)
        # A refusal without words would be taken for none.
        assert expected is not bool(refused), f"{act.__name__}: {refused or 'not refused'}"
        return result

    def by(self, who: str) -> dict:
        return {"actor": self.world.people[who], "reason": WHY}

    def later(self) -> datetime:
        """The instant at which the next verb runs."""
        return self.now + timedelta(seconds=1)

    @staticmethod
    def address(name: str, number: int) -> str:
        return f"https://{name}-{number}.example.org/v1"

    def save_endpoint(self, name: str, number: int, actor):
        with clock.at(self.now):
            make.save(
                ServingEndpoint,
                {"address": self.address(name, number)},
                actor=actor,
                pk=self.world.endpoints[name].pk,
            )

    def chosen(self, rows: list, pick: int):
        return rows[-1 - pick % len(rows)]

    def named(self, slugs) -> list:
        return [self.world.endpoints[slug] for slug in sorted(slugs)]

    # Asking

    @rule(who=likely("ana"), place=places, slugs=endpoints)
    def create(self, who, place, slugs):
        made = self.does(
            self.model.holds(who, "requester") and not self.model.open_in(place),
            transitions.request,
            release=self.world.story.release,
            environment=self.world.places[place],
            endpoints=self.named(slugs),
            purpose="Faster answers.",
            **self.by(who),
        )
        if made:
            hands = {who: {"requester", "edited_request"}}
            self.model.promotions.append(told.Promotion(made.pk, place, frozenset(slugs), hands))
            self.model.next()

    @precondition(lambda self: self.model.promotions)
    @rule(who=likely("ana"), pick=which, slugs=endpoints)
    def edit(self, who, pick, slugs):
        promotion = self.chosen(self.model.promotions, pick)
        if self.asks(
            promotion,
            who,
            told.UNDECIDED,
            transitions.amend,
            endpoints=self.named(slugs),
            purpose="Faster answers still.",
            wanted_by=None,
        ):
            promotion.endpoints = frozenset(slugs)

    @precondition(lambda self: self.model.promotions)
    @rule(who=likely("ana"), pick=which)
    def submit(self, who, pick):
        self.submitted(self.chosen(self.model.promotions, pick), who)

    def submitted(self, promotion, who):
        if self.asks(promotion, who, {"draft", "changes_requested"}, transitions.submit):
            promotion.state, promotion.up_to = "in_review", self.model.happened
            promotion.submission += 1

    @precondition(lambda self: self.model.promotions)
    @rule(who=likely("ana"), pick=which)
    def take_in(self, who, pick):
        self.taken_in(self.chosen(self.model.promotions, pick), who)

    def taken_in(self, promotion, who):
        if self.asks(promotion, who, {"in_review"}, transitions.take_in):
            promotion.up_to = self.model.happened

    @precondition(lambda self: self.model.promotions)
    @rule(who=likely("ana"), pick=which)
    def withdraw(self, who, pick):
        promotion = self.chosen(self.model.promotions, pick)
        if self.asks(promotion, who, told.UNDECIDED, transitions.withdraw):
            promotion.state = "withdrawn"

    def asks(self, promotion, who, states, verb, **values):
        expected = self.model.holds(who, "requester") and promotion.state in states
        done = self.does(expected, verb, promotion.key, **values, **self.by(who))
        if done and verb is not transitions.withdraw:
            promotion.hands.setdefault(who, set()).add("edited_request")
        return done

    @precondition(lambda self: self.model.promotions)
    @rule(who=people, pick=which)
    def comment(self, who, pick):
        promotion = self.chosen(self.model.promotions, pick)
        self.does(
            bool(self.model.roles[who]),
            transitions.comment,
            promotion.key,
            text="What about the night shift?",
            actor=self.world.people[who],
        )

    @rule(who=likely("mia"), name=st.sampled_from(ENDPOINTS), number=st.integers(0, 2))
    def edit_endpoint(self, who, name, number):
        address, expected = self.address(name, number), self.model.holds(who, "registrar")
        # What is so already is no change, and nobody's doing.
        done = self.does(
            expected,
            make.save,
            ServingEndpoint,
            {"address": address},
            actor=self.world.people[who],
            pk=self.world.endpoints[name].pk,
        )
        if done and self.model.endpoints[name] != address:
            self.model.endpoints[name] = address
            self.model.makers[name].add(who)

    # Evidence

    @rule(
        who=likely("gil"),
        kind=kinds,
        verdict=st.sampled_from(("pass", "pass", "noted", "fail")),
        life=lives,
    )
    def attach(self, who, kind, verdict, life):
        self.now += timedelta(seconds=1)
        ends, runs = self.later() + timedelta(days=life), []
        if kind == "benchmark":
            text = "0.5" if verdict == "fail" else "0.95"
            metric = self.world.story.suite.metrics.get()
            runs = [
                {
                    "suite_version": self.world.story.suite,
                    "ran_at": self.now,
                    "source": "harness 1.0",
                    "scores": [{"metric": metric, "text": text}],
                }
            ]
        item = self.does(
            self.model.holds(who, "evidence_contributor"),
            evidence.give,
            release=self.world.story.release,
            kind=kind,
            title=kind,
            verdict=verdict,
            vouched_by="The laboratory",
            answers=answers(kind),
            expires_at=ends,
            runs=runs,
            **self.by(who),
        )
        if item:
            run = item.runs.first()
            given = told.Run(run.pk, who, run.ran_at, verdict != "fail") if run else None
            self.model.items.append(
                told.Item(
                    str(item.pk), kind, verdict, who, self.model.next(), self.now, ends, run=given
                )
            )

    @precondition(lambda self: self.model.items)
    @rule(who=likely("gil"), pick=st.integers(0, 9), rested=st.booleans())
    def withdraw_evidence(self, who, pick, rested):
        """Withdraw an item, one that the last approval rests on if there is any."""
        items = self.model.items
        approved = [one for one in self.model.promotions if one.state == "approved"]
        if rested and approved:
            keys = {key for _, rests in approved[-1].package[4] for key, _ in rests}
            items = [item for item in items if item.key in keys] or items
        item = self.chosen(items, pick)
        expected = self.model.holds(who, "evidence_contributor") and not item.withdrawn_at
        if self.does(expected, evidence.withdraw, item.key, **self.by(who)):
            item.withdrawn_at = self.now
            self.model.next()

    @precondition(lambda self: any(item.run for item in self.model.items))
    @rule(who=likely("rita", "otto"), pick=which)
    def accept_run(self, who, pick):
        item = self.chosen([item for item in self.model.items if item.run], pick)
        expected = (
            self.model.holds(who, *told.SIGNING)
            and who != item.run.giver
            and not item.withdrawn_at
            and not item.run.accepted
        )
        if self.does(expected, evidence.accept_run, item.run.key, **self.by(who)):
            item.run.accepted, item.run.accepted_at = self.model.next(), self.now

    @initialize(place=places, leave=st.integers(0, 1), waived=requirements, loses=st.booleans())
    def begin(self, place, leave, waived, loses):
        """Something is approved, or nearly."""
        self.bring_in(place, "approve", 5, leave, waived, loses)

    @rule(
        place=places,
        verdict=verdicts,
        due=st.sampled_from((5, 25)),
        leave=st.sampled_from((0, 0, 1)),
        waived=requirements,
        loses=st.sampled_from((False, False, True)),
    )
    def bring_in(self, place, verdict, due, leave, waived, loses):
        """Do what an approval still wants, or all but its last signature.

        What is missing is given, or asked to be waived where that is the one named. If wanted,
        somebody loses the role they signed in before the next one signs.
        """
        model = self.model
        if model.open_in(place) is None:
            self.create("ana", place, set(ENDPOINTS))
        if (promotion := model.open_in(place)) is None:
            return
        if promotion.state != "in_review":
            self.submitted(promotion, "ana")
        if promotion.state != "in_review":
            return
        for name, (problem, *_) in model.findings(promotion, self.now).items():
            gate, _, code = name.partition(".")
            if problem and name == waived and code != "data_boundary":
                self.ask_waiver("ana", place, name, 3, "grant")
            elif problem:
                self.attach("gil", told.ASKED[gate][code][0], "pass", 180)
                if code == "benchmark_scores":
                    self.accept_run("rita", 0)
        self.taken_in(promotion, "ana")
        wanted = [role for role, count in model.wanted(place).items() for _ in range(count)]
        for role in wanted[: len(wanted) - leave]:
            if loses and promotion.signatures:
                self.toggled(promotion.signatures[-1].person, promotion.signatures[-1].role)
                loses = False
            now = self.later()
            able = [who for who in ROLES if model.signs(promotion, who, role, verdict, now)]
            if able:
                self.press(self.form(promotion, able[0], role, verdict), "ana", due)

    # Signing

    @precondition(lambda self: self.model.promotions)
    @rule(
        who=likely("rita", "ruth", "otto", "olga"),
        role=st.sampled_from(("reviewer", "risk_owner")),
        verdict=st.one_of(verdicts, st.sampled_from(("request_changes", "reject"))),
        pick=which,
    )
    def open_form(self, who, role, verdict, pick):
        promotion = self.chosen(self.model.promotions, pick)
        if promotion.state == "in_review":
            self.forms.append(self.form(promotion, who, role, verdict))

    def form(self, promotion, who, role, verdict) -> tuple:
        with clock.at(self.now):
            package = live(Promotion.objects.get(pk=promotion.key))
            challenge = transitions.issue_challenge(
                promotion.key,
                actor=self.world.people[who],
                verdict=verdict,
                package_digest=package.digest,
            )
        shown = self.model.package(promotion, self.now)
        return promotion, who, role, verdict, package.digest, challenge, shown, self.now

    @precondition(lambda self: self.forms)
    @rule(pick=which, owner=likely("ana"), due=st.sampled_from((5, 25, 100)))
    def sign(self, pick, owner, due):
        """Press the button of a form that was opened a while ago, perhaps once already."""
        self.press(self.chosen(self.forms, pick), owner, due)

    def press(self, form: tuple, owner: str, due: int):
        promotion, who, role, verdict, digest, challenge, shown, opened = form
        now, conditions = self.later(), []
        due_at = now + timedelta(days=due)
        if verdict == "approve_with_conditions":
            key = self.world.people[owner].pk
            conditions = [Asked("Measure again.", key, due_at, "operational_readiness")]
        expected = (
            self.model.signs(promotion, who, role, verdict, now)
            and self.model.package(promotion, now) == shown
            and challenge.pk not in self.used
            and now < opened + timedelta(minutes=10)
            and not (
                conditions and (not self.model.roles[owner] or due_at > self.model.review_at(now))
            )
        )
        by_role = MEANINGS[verdict]
        row = self.does(
            expected,
            transitions.sign,
            promotion.key,
            challenge=challenge.pk,
            package_digest=digest,
            verdict=verdict,
            meaning=(by_role.get(role) or by_role[""])[0][0],
            password=make.PASSWORD,
            role=role,
            conditions=conditions,
            **self.by(who),
        )
        if row:
            self.used.add(challenge.pk)
            set_ = [
                told.Condition(one.pk, owner, one.evidence_kind, one.due_at)
                for one in row.conditions.all()
            ]
            signature = told.Signature(who, role, verdict, shown, now, set_)
            self.model.sign(promotion, signature, now)

    def conditions(self):
        return [
            (promotion, signature, condition)
            for promotion in self.model.promotions
            for signature in promotion.signatures
            for condition in signature.conditions
        ]

    @precondition(lambda self: self.conditions())
    @rule(who=likely("rita", "otto"), pick=which, of=which)
    def close_condition(self, who, pick, of):
        _, signature, condition = self.chosen(self.conditions(), pick)
        now = self.later()
        fitting = [item for item in self.model.items if item.kind == condition.kind]
        if not fitting:
            return
        item = self.chosen(fitting, of)
        expected = (
            self.model.holds(who, *told.SIGNING)
            and not condition.closed(now)
            and condition.overdue_at() > now
            and who not in (condition.owner, item.giver)
            and item.verdict != "fail"
            and not item.withdrawn_at
            and item.ends > now
            and item.given_at > signature.signed_at
        )
        row = EvidenceItem.objects.get(pk=item.key)
        if self.does(
            expected, transitions.close_condition, condition.key, item=row, **self.by(who)
        ):
            condition.closings.append((self.now, item))

    @rule(who=people, role=st.sampled_from(ALL_ROLES), signed=st.booleans())
    def change_role(self, who, role, signed):
        """Grant a role, or take it away: from who signed by it last, if anybody did."""
        signatures = [one for row in self.model.promotions for one in row.signatures]
        if signed and signatures:
            who, role = signatures[-1].person, signatures[-1].role
        self.toggled(who, role)

    def toggled(self, who, role):
        team, admin = self.world.story.use_case.team, make.admin()
        person = self.world.people[who]
        if role in self.model.roles[who]:
            grant = RoleGrant.objects.in_force().get(person=person, role=role)
            self.does(True, end_grant, grant.pk, actor=admin, reason=WHY)
        else:
            self.does(True, make.grant, person, role, team=team)
        self.model.roles[who] ^= {role}

    # Exceptions and ends

    @rule(
        who=likely("ana"),
        place=places,
        code=requirements,
        days=st.sampled_from((3, 30, 200)),
        answer=st.sampled_from(("", "grant", "grant")),
    )
    def ask_waiver(self, who, place, code, days, answer):
        now = self.later()
        ends, (gate, _, name) = now + timedelta(days=days), code.partition(".")
        waiting = any(
            (one.place, one.code, one.answer) == (place, code, "") and one.ends > now
            for one in self.model.waivers
        )
        row = self.does(
            self.model.holds(who, "requester")
            and gate in told.GATES[place]
            and name != "data_boundary"
            and not waiting
            and ends <= told.months_after(now, 6),
            transitions.ask_waiver,
            release=self.world.story.release,
            environment=self.world.places[place],
            gate=gate,
            code=name,
            compensating_control="Somebody reads every answer.",
            ends_at=ends,
            **self.by(who),
        )
        if row:
            age = self.model.age_of(code)
            self.model.waivers.append(told.Waiver(row.pk, place, code, age, who, ends))
            if answer:
                self.answer_waiver("otto", 0, True)

    @precondition(lambda self: self.model.waivers)
    @rule(who=likely("otto", "olga"), pick=which, grant=st.booleans())
    def answer_waiver(self, who, pick, grant):
        waiver, now = self.chosen(self.model.waivers, pick), self.later()
        expected = (
            self.model.holds(who, "risk_owner")
            and not waiver.answer
            and waiver.ends > now
            and who != waiver.asker
            and self.model.outsider(who, waiver.place)
        )
        verb = transitions.grant_waiver if grant else transitions.refuse_waiver
        if self.does(expected, verb, waiver.key, password=make.PASSWORD, **self.by(who)):
            waiver.answer = "granted" if grant else "refused"

    @precondition(lambda self: self.model.promotions)
    @rule(who=likely("otto"), pick=which)
    def revoke(self, who, pick):
        approved = [one for one in self.model.promotions if one.state == "approved"]
        promotion = self.chosen(approved or self.model.promotions, pick)
        expected = (
            self.model.holds(who, "risk_owner")
            and promotion.state == "approved"
            and not promotion.revoked_at
        )
        values = {"password": make.PASSWORD, **self.by(who)}
        if self.does(expected, transitions.revoke, promotion.key, **values):
            promotion.revoked_at = self.now

    @rule(
        who=likely("rita", "ruth"),
        place=places,
        slugs=endpoints,
        hours=st.sampled_from((1, 48, 72, 73)),
    )
    def break_glass(self, who, place, slugs, hours):
        row = self.does(
            self.model.breaks_glass(who, place, slugs, hours, self.later()),
            transitions.break_glass,
            release=self.world.story.release,
            environment=self.world.places[place],
            endpoints=self.named(slugs),
            incident="INC-2041",
            hours=hours,
            password=make.PASSWORD,
            **self.by(who),
        )
        if row:
            contents = {slug: self.model.endpoints[slug] for slug in slugs}
            self.model.break_glasses.append(
                told.BreakGlass(row.pk, place, contents, who, self.now, hours)
            )

    @precondition(lambda self: self.model.break_glasses)
    @rule(who=likely("otto"), pick=which)
    def end_break_glass(self, who, pick):
        row = self.chosen(self.model.break_glasses, pick)
        expected = self.model.holds(who, "risk_owner") and row.until > self.later()
        values = {"password": make.PASSWORD, **self.by(who)}
        if self.does(expected, transitions.end_break_glass, row.key, **values):
            row.ended_at = self.now

    @precondition(lambda self: self.model.break_glasses)
    @rule(who=likely("otto"), pick=which)
    def review_break_glass(self, who, pick):
        row = self.chosen(self.model.break_glasses, pick)
        expected = (
            self.model.holds(who, *told.SIGNING)
            and who != row.opener
            and not row.reviewed
            and row.until <= self.later()
        )
        values = {"outcome": "justified", **self.by(who)}
        if self.does(expected, transitions.review_break_glass, row.key, **values):
            row.reviewed = True

    # Policy, gates, time

    @rule(
        months=st.sampled_from((1, 6, 24)),
        forbids=st.sampled_from((False, False, True)),
        denied=st.sampled_from((None, None, *ENDPOINTS)),
    )
    def publish_policy(self, months, forbids, denied):
        clauses = {"review_months": months}
        if forbids:
            clauses["data_classification__max"] = "public"
        if denied:
            clauses["providers"] = {"deny": [self.world.endpoints[denied].host.slug]}
        self.does(True, make.make_policy, self.world.pack, **clauses)
        self.model.policy += 1
        self.model.review_months, self.model.forbids_all = months, forbids
        self.model.denied = frozenset({denied} - {None})

    @rule(
        gate=st.sampled_from(PLACES),
        slots=st.sampled_from(
            (
                {"reviewer": 1},
                {"reviewer": 2},
                {"reviewer": 1, "risk_owner": 1},
                {"risk_owner": 1},
            )
        ),
        age=st.sampled_from((None, 30)),
    )
    def publish_gate(self, gate, slots, age):
        paula, newest = make.author(), GateVersion.objects.filter(gate=gate)
        draft = self.does(
            True,
            transitions.new_gate_version_from,
            newest.order_by("-number").first().pk,
            actor=paula,
            reason=WHY,
        )
        values = {"actor": paula, "reason": WHY}
        self.does(True, transitions.save_gate_draft, draft.pk, notes="", slots=slots, **values)
        if gate == "sandbox":
            row = Requirement.objects.get(gate_version=draft, code="safety_checks")
            terms = {**row.terms, "max_age_days": age}
            if age is None:
                del terms["max_age_days"]
            self.does(True, transitions.save_requirement, row.pk, values={"terms": terms}, **values)
            self.model.max_age = age
        values["actor"] = make.author("percy")
        self.does(True, transitions.publish_gate_version, draft.pk, **values)
        self.model.slots[gate] = dict(slots)
        self.model.versions[gate] += 1

    @rule(hours=st.sampled_from((1, 30, 24 * 6, 24 * 50)), next_end=st.booleans())
    def expire(self, hours, next_end):
        """Let time go by, if wanted to the very instant at which the next approval ends."""
        ends = [self.model.answer(place, self.later())[2] for place in PLACES]
        if next_end and any(ends):
            self.now = min(filter(None, ends)) - timedelta(seconds=1)
        else:
            self.now += timedelta(hours=hours)

    # What is asked after each step

    @invariant()
    def the_answer_is_the_models(self):
        """For the places by turns; and of an instant gone by, for the past does not change."""
        type(self).steps += 1
        self.now += timedelta(seconds=1)
        place = PLACES[self.steps % 2]
        environment, expected = self.world.places[place], self.model.answer(place, self.now)
        assert self.asked(environment) == expected
        self.answered.append((self.now, environment, expected))
        at, environment, expected = self.answered[self.steps * 7 % len(self.answered)]
        assert self.asked(environment, at) == expected, at
        if (promotion := self.model.open_in(place)) and promotion.state == "in_review":
            self.the_same_is_the_same_package(promotion)

    def the_same_is_the_same_package(self, promotion):
        """One digest for one package of the model, and another for another."""
        with clock.at(self.now):
            digest = live(Promotion.objects.get(pk=promotion.key)).digest
        package = (promotion.key, self.model.package(promotion, self.now))
        assert self.digests.setdefault(package, digest) == digest
        assert len(set(self.digests.values())) == len(self.digests)

    def asked(self, environment, at=None):
        with clock.at(self.now):
            answer = decide(self.world.story.release, environment, at)
        assert answer["reasons"]
        until = answer["expires_at"]
        return answer["allowed"], answer["endpoints"], until and datetime.fromisoformat(until)

    @invariant()
    def rows_are_the_models(self):
        states = dict(Promotion.objects.values_list("pk", "state"))
        assert states == {one.key: one.state for one in self.model.promotions}
        rows = PackagePerson.objects.filter(kind="signer").order_by("pk")
        signed = rows.values_list("promotion_id", "person__username", "role", "verdict")
        assert sorted(signed) == sorted(
            (promotion.key, one.person, one.role, one.verdict)
            for promotion in self.model.promotions
            for one in promotion.signatures
        )


@pytest.mark.parametrize("stories", [12, pytest.param(80, marks=pytest.mark.long)])
def test_allowed_means_that_a_quorum_signed_and_nothing_has_ended(stories):
    Gatehouse.world, Gatehouse.steps = World(), 0
    run_state_machine_as_test(
        Gatehouse,
        settings=settings(
            max_examples=stories,
            stateful_step_count=STEPS,
            deadline=None,
            derandomize=not LONG,
            database=None,
            # Without the phases that make a failure shorter and explain it, which take minutes:
            # a story is told verb by verb as it is.
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )
    assert Gatehouse.steps >= stories * LEAST
