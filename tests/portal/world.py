"""Two teams with one of everything, and the people who knock at every door of theirs."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from django.core.files.uploadedfile import SimpleUploadedFile

from audit import change, checkpoints, clock, system
from audit.models import Entry, LossDeclaration
from audit.rules import digest
from evidence.models import EvaluationRun, EvidenceItem
from gates import transitions as gates
from gates.models import BreakGlass, Condition, GateVersion, Promotion, Waiver, Webhook
from registry import transitions
from registry.models import (
    ApiToken,
    ModelVersion,
    Person,
    PolicyPack,
    PolicyVersion,
    Release,
    RoleGrant,
    Team,
)
from registry.roles import Role
from runtime.models import (
    Deployment,
    EvidencePack,
    FollowUp,
    Incident,
    IncidentLink,
    KeptFacts,
    RequestRecord,
    Rollback,
    Suspension,
)
from runtime.records.storing import take
from tests import make
from tests.gates.stories import Story, make_webhook, story
from tests.runtime.recording import Reporting, lines

#: Stands in the name of all that the other team owns: whoever may not see it never reads it.
MARK = "unseen"
#: The makers whose rows a team owns; what the others make is named to everybody.
OWNED = (
    *("team", "use-case", "model", "v", "endpoint", "dataset", "prompt", "text", "token"),
    *("facts", "request", "incident", "follow-up"),
)


@dataclass
class Side:
    """One team's rows: a promotion in review and a draft of one, drafts of what can be sealed."""

    told: Story
    item: EvidenceItem
    run: EvaluationRun
    drafted: Promotion
    version: ModelVersion
    release: Release
    grant: RoleGrant
    token: ApiToken
    entry: Entry
    waiver: Waiver
    condition: Condition
    glass: BreakGlass
    deployment: Deployment
    suspension: Suspension
    facts: KeptFacts
    rollback: Rollback
    record: RequestRecord
    incident: Incident
    follow_up: FollowUp
    pack: EvidencePack

    @property
    def team(self) -> Team:
        return self.told.use_case.team

    @property
    def sealed(self) -> ModelVersion:
        return self.told.release.model_version

    @property
    def prompt(self):
        return self.told.release.prompt_links.get().prompt_version

    @property
    def dataset(self):
        return self.sealed.dataset_links.get().dataset_version


def tell() -> Side:
    """Tell a team's story up to a promotion that waits for its reviewer."""
    told = story(grants=[(make.make_tool_scope(), "human_approval")])
    files = [SimpleUploadedFile("report.txt", b"All good.\n")]
    item = told.give("safety_check", files=files)
    told.give("data_boundary")
    run = told.give_run(accept=False)
    told.ask()
    drafted = gates.request(
        release=told.release,
        environment=make.make_environment(),
        endpoints=[told.endpoint],
        purpose="The same elsewhere.",
        actor=told.requester,
        reason=make.WHY,
    )
    by = {"actor": make.registrar(), "reason": make.WHY}
    member = make.make_person(make.name("member"))
    incident, follow_up = _incident(told, member)
    deployment, suspension, facts, rollback = _run(told)
    # Routers are nobody's, and their teams are named to everybody: no team of either side.
    platform = Team.objects.filter(slug="platform").first() or make.make_team("platform")
    make.make_router(told.environment, team=platform)
    return Side(
        told=told,
        item=item,
        run=run,
        drafted=drafted,
        version=transitions.new_version_from(
            told.release.model_version_id, version=make.name("v"), **by
        ),
        release=transitions.new_release_from(told.release.pk, **by),
        grant=make.grant(member, Role.VIEWER, team=told.use_case.team),
        token=make.make_token_row(member)[0],
        entry=Entry.objects.filter(about=told.release.key).order_by("seq").first(),
        waiver=told.ask_waiver(),
        condition=told.approve_on_condition(),
        glass=told.break_glass(environment=make.make_environment()),
        deployment=deployment,
        suspension=suspension,
        facts=facts,
        rollback=rollback,
        record=_record(told),
        incident=incident,
        follow_up=follow_up,
        pack=_pack(told),
    )


def _pack(told: Story) -> EvidencePack:
    """Record a pack of the promotion that nobody could make again."""
    with change(actor=system("evidence_pack"), reason=make.WHY) as opened:
        return opened.save(
            EvidencePack(
                promotion=told.promotion,
                as_of=told.promotion.submitted_at,
                log_size=1,
                manifest=digest(b""),
                size=1,
                files=1,
                left_out=0,
                built_at=opened.now,
            ),
            event="evidencepack.built",
        )


def _incident(told: Story, member: Person) -> tuple[Incident, FollowUp]:
    """Open an incident about the story's use case, with something that follows from it."""
    with change(actor=member, reason=make.WHY) as opened:
        incident = opened.save(
            Incident(
                title=make.name("incident"),
                severity=3,
                use_case=told.use_case,
                environment=told.environment,
                owner=told.use_case.team,
                begins_at=opened.now,
                detected_at=opened.now,
                opened_by=member,
                opened_at=opened.now,
            )
        )
        opened.save(
            IncidentLink(
                incident=incident,
                release=told.release,
                linked_by=member,
                linked_at=opened.now,
            )
        )
        follow_up = opened.save(
            FollowUp(
                incident=incident,
                text=make.name("follow-up"),
                owner=member,
                due_on=opened.now.date(),
                set_by=member,
                set_at=opened.now,
            )
        )
    return incident, follow_up


def _record(told: Story) -> RequestRecord:
    """Let the environment's router say that it refused a request of the story's use case."""
    router = told.environment.routers.get()
    said = Reporting(told.environment, token="none").route(told.use_case.slug)
    take([lines(said)], router, actor=make.make_service())
    return RequestRecord.objects.get(pk=said["id"])


def _run(told: Story) -> tuple[Deployment, Suspension, KeptFacts, Rollback]:
    """Offer the story's release without an approval, so that a line of it stands, and stop it.

    As an emergency went back to it, which nobody reviewed yet.
    """
    person = make.make_person(make.name("operator"))
    with change(actor=person, reason=make.WHY) as opened:
        deployment = opened.save(
            Deployment(
                environment=told.environment,
                release=told.release,
                endpoint=told.endpoint,
                placed_by=person,
                placed_at=opened.now,
            )
        )
        suspension = opened.save(
            Suspension(
                endpoint=told.endpoint,
                why=make.WHY,
                suspended_by=person,
                suspended_at=opened.now,
            )
        )
        facts = opened.save(
            KeptFacts(
                use_case=told.use_case,
                name=make.name("facts"),
                facts="{}",
                expected="routed",
                kept_by=person,
                kept_at=opened.now,
            )
        )
        rollback = opened.save(
            Rollback(
                environment=told.environment,
                generation=1,
                use_case=told.use_case,
                emergency=True,
                incident="INC-7",
                reason=make.WHY,
                rolled_back_by=person,
                rolled_back_at=opened.now,
            )
        )
    return deployment, suspension, facts, rollback


@dataclass
class World:
    """Both teams, and everybody who asks, by the column of the table they stand in."""

    own: Side
    foreign: Side
    people: dict[str, Person | None]
    tokens: dict[str, str]


def build(monkeypatch) -> World:
    """Build both teams; all that the other one owns carries the mark in its name."""
    own, plain = tell(), make.name
    with monkeypatch.context() as patched:
        marked = {of: f"{MARK}-{of}" for of in OWNED}
        patched.setattr(make, "name", lambda of: plain(marked.get(of, of)))
        foreign = tell()
    make.make_policy_draft(review_months=12)
    make_webhook()
    sandbox = GateVersion.objects.get(gate="sandbox")
    gates.new_gate_version_from(sandbox.pk, actor=make.author(), reason=make.WHY)
    people: dict[str, Person | None] = {
        "anonymous": None,
        "no role": make.make_person(make.name("idle")),
    }
    for role in Role:
        # An administrator is one for all teams; there is no other.
        team = None if role == Role.ADMINISTRATOR else own.team
        people[role.label] = make.make_person(make.name("holder"), role, team=team)
    for role in (Role.AUDITOR, Role.POLICY_AUTHOR):
        people[f"{role.label} of all"] = make.make_person(make.name("holder"), role)
    tokens = {who: make.make_token(person) for who, person in people.items() if person}
    return World(own, foreign, people, tokens)


def gate_draft() -> GateVersion:
    """Return the one draft of a gate."""
    return GateVersion.objects.get(published_at=None)


def declared_loss() -> LossDeclaration:
    """Return what somebody declared lost, which is not lost: nobody can confirm it."""
    found = LossDeclaration.objects.first()
    if found is None:
        note = checkpoints.sign_note(checkpoints.name(), 10**6, b"0" * 32, clock.now())
        actor = make.admin()
        with change(actor=actor, reason="Written for the doors.") as opened:
            found = opened.save(
                LossDeclaration(
                    epoch=2,
                    kept_size=1,
                    kept_root=f"sha256:{'0' * 64}",
                    ended=[note],
                    digest=f"sha256:{'0' * 64}",
                    declared_by=actor,
                    declared_at=opened.now,
                    printed_name=actor.name,
                    authentication="password",
                    reason="Written for the doors.",
                )
            )
    return found


#: What stands for the placeholders of a route, in order, by how the route begins; of several
#: beginnings the longest counts.
PLACES: dict[str, Callable[[Side], tuple]] = {
    "requests/": lambda s: (s.record.request,),
    "incidents/": lambda s: (s.incident.pk, "note"),
    "packs/": lambda s: (s.pack.pk,),
    "api/v1/packs/": lambda s: (s.pack.pk,),
    "follow-ups/": lambda s: (s.follow_up.pk,),
    "api/v1/incidents/": lambda s: (s.incident.pk,),
    "api/v1/requests/": lambda s: (s.record.request,),
    "records/": lambda s: (s.record.pk,),
    "api/v1/records/": lambda s: (s.record.pk,),
    "registry/apitoken/": lambda s: (s.token.pk,),
    "registry/dataset/": lambda s: (s.dataset.dataset_id,),
    "registry/datasetversion/": lambda s: (s.dataset.pk,),
    "registry/environment/": lambda s: (s.told.environment.pk,),
    "registry/evaluationsuite/": lambda s: (s.told.suite.suite_id,),
    "registry/modelversion/": lambda s: (s.version.pk,),
    "registry/person/": lambda s: (s.grant.person_id,),
    "registry/policypack/": lambda s: (PolicyPack.objects.get().pk,),
    "registry/policyversion/": lambda s: (PolicyVersion.objects.get().pk,),
    "registry/prompttemplate/": lambda s: (s.prompt.template_id,),
    "registry/promptversion/": lambda s: (s.prompt.pk,),
    "registry/provider/": lambda s: (s.told.endpoint.host_id,),
    "registry/region/": lambda s: (s.told.endpoint.region_links.first().region_id,),
    "registry/registeredmodel/": lambda s: (s.version.model_id,),
    "registry/release/": lambda s: (s.release.pk,),
    "registry/router/": lambda s: (s.told.environment.routers.get().pk,),
    "registry/rolegrant/": lambda s: (s.grant.pk,),
    "registry/servingendpoint/": lambda s: (s.told.endpoint.pk,),
    "registry/suiteversion/": lambda s: (s.told.suite.pk,),
    "registry/team/": lambda s: (s.team.pk,),
    "registry/tool/": lambda s: (s.told.release.tool_grants.get().scope.tool_id,),
    "registry/usecase/": lambda s: (s.told.use_case.pk,),
    "evidence/evidenceitem/": lambda s: (s.item.pk,),
    "evidence/evaluationrun/": lambda s: (s.run.pk,),
    "gates/gateversion/": lambda s: (GateVersion.objects.get(gate="production").pk,),
    "gates/gateversion/<object_id>/publish/": lambda s: (gate_draft().pk,),
    "gates/requirement/": lambda s: (gate_draft().requirements.first().pk,),
    "gates/versions/": lambda s: (gate_draft().pk,),
    "gates/breakglass/": lambda s: (s.glass.pk,),
    "gates/condition/": lambda s: (s.condition.pk,),
    "gates/waiver/": lambda s: (s.waiver.pk,),
    "gates/webhook/": lambda s: (Webhook.objects.get().pk,),
    "webhooks/": lambda s: (Webhook.objects.get().pk,),
    "gates/promotion/": lambda s: (s.drafted.pk,),
    "gates/promotion/<object_id>/take-in/": lambda s: (s.told.promotion.pk,),
    "policy/versions/": lambda s: (PolicyVersion.objects.get().pk,),
    "promotions/": lambda s: (s.told.promotion.pk, 1),
    "models/": lambda s: (s.sealed.model.slug, s.sealed.version),
    "scores/": lambda s: (s.sealed.model.slug,),
    "prompts/": lambda s: (s.prompt.template.slug, s.prompt.number),
    "releases/": lambda s: (s.told.use_case.slug, s.told.release.number),
    "environments/": lambda s: (s.told.environment.slug,),
    "environments/<slug>/activate/": lambda s: (s.told.environment.slug, s.told.release.pk),
    "environments/<slug>/deployments/": lambda s: (s.told.environment.slug, s.deployment.pk),
    "suspensions/": lambda s: (s.suspension.pk,),
    "rollbacks/": lambda s: (s.rollback.pk,),
    "routes/facts/": lambda s: (s.facts.pk,),
    "evidence/": lambda s: (s.item.pk, s.item.files.get().pk),
    "reset/": lambda s: ("MQ", "abc-def"),
    "r/": lambda s: (1, s.team.pk),
    "<app_label>/": lambda s: ("registry",),
    "<anything for tools>": lambda s: ("api/nothing",),
    "<url>": lambda s: ("nothing/at/all/",),
    "audit/losses/": lambda s: (declared_loss().pk,),
    "audit/entries/": lambda s: (s.entry.seq,),
    "api/v1/audit/": lambda s: (s.entry.seq,),
    "api/v1/datasets/": lambda s: (s.dataset.dataset.slug, s.dataset.pk),
    "api/v1/environments/": lambda s: (s.told.environment.slug,),
    "api/v1/environments/<environment>/routers/": lambda s: (
        s.told.environment.slug,
        s.told.environment.routers.get().slug,
    ),
    "api/v1/snapshots/": lambda s: (s.told.environment.snapshots.latest("pk").digest,),
    "api/v1/evaluation-runs/": lambda s: (s.run.pk,),
    "api/v1/evidence/": lambda s: (s.item.pk,),
    "api/v1/model-versions/": lambda s: (s.sealed.pk,),
    "api/v1/models/": lambda s: (s.sealed.model.slug,),
    "api/v1/policy-packs/": lambda s: (PolicyPack.objects.get().slug,),
    "api/v1/promotions/": lambda s: (s.told.promotion.pk,),
    "api/v1/prompts/": lambda s: (s.prompt.template.slug, s.prompt.number),
    "api/v1/releases/": lambda s: (s.told.release.pk,),
    "api/v1/tools/": lambda s: (s.told.release.tool_grants.get().scope.tool.slug,),
    "api/v1/routes/": lambda s: (s.told.use_case.slug,),
    "ofrep/v1/": lambda s: (s.told.use_case.slug,),
    "api/v1/use-cases/": lambda s: (s.told.use_case.slug,),
}
#: What the queries of the table name.
NAMED: dict[str, Callable[[Side], object]] = {
    "<release>": lambda s: s.told.release.pk,
    "<version>": lambda s: s.sealed.pk,
    "<model>": lambda s: s.sealed.model.slug,
    "<tool>": lambda s: s.told.release.tool_grants.get().scope.tool.slug,
    "<host>": lambda s: s.told.endpoint.host.slug,
    "<pack>": lambda s: PolicyPack.objects.get().slug,
    "<policy version>": lambda s: PolicyVersion.objects.get().pk,
    "<digest>": lambda s: s.told.release.digest,
    "<use case>": lambda s: s.told.use_case.slug,
    "<environment>": lambda s: s.told.environment.slug,
    "<key>": lambda s: s.told.release.key,
}


def address(route: str, side: Side) -> str:
    """Return the address that a route of the table has for the rows of one team."""
    path, _, query = route.partition("?")
    if "<" in path:
        begin = max((begin for begin in PLACES if path.startswith(begin)), key=len)
        values = iter(PLACES[begin](side))
        path = re.sub("<[^>]+>", lambda _: str(next(values)), path)
    for name in set(re.findall("<[^>]+>", query)):
        query = query.replace(name, str(NAMED[name](side)))
    return f"/{path}?{query}" if query else f"/{path}"
