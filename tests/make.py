"""Small makers for tests: each goes through the public verbs, so what they make could be real.

Everything is made by `admin()` (the one bootstrapped administrator) and `registrar()`, whom no
test needs to mention; names are counted, so that makers can be called as often as one likes.
"""

from datetime import timedelta
from itertools import count

from audit import clock
from registry import transitions
from registry.models import (
    ApiToken,
    Dataset,
    DatasetVersion,
    EndpointRegion,
    Environment,
    EnvironmentRegion,
    EvaluationSuite,
    ModelUse,
    ModelVersion,
    Objective,
    Person,
    PolicyPack,
    PromptTemplate,
    PromptVersion,
    Provider,
    Region,
    RegisteredModel,
    Release,
    ReleasePrompt,
    RoleGrant,
    Router,
    ScoreDemand,
    ServingEndpoint,
    SuiteVersion,
    Team,
    Tool,
    ToolGrant,
    ToolScope,
    UseCase,
    VersionDataset,
)
from registry.roles import Role

PASSWORD = "copper lantern over the quay"
WHY = "Made for a test."

_numbers = count(1)


def name(of: str) -> str:
    """Return a slug that no other maker has given."""
    return f"{of}-{next(_numbers)}"


# People


def admin() -> Person:
    """Return the first administrator, bootstrapped on first use."""
    found = Person.objects.filter(username="ada").first()
    return found or transitions.bootstrap_administrator(
        username="ada", name="Ada Admin", email="ada@example.org", password=PASSWORD
    )


def make_person(
    username: str = "", *roles: str, team: Team | None = None, kind: str = "person", **values
) -> Person:
    """Return a person with `roles` in `team`, or in all teams, who signs in with `PASSWORD`."""
    username = username or name("person")
    person = transitions.add_person(
        **{
            "username": username,
            "name": username.title(),
            "email": f"{username}@example.org" if kind == "person" else "",
            "kind": kind,
            "password": PASSWORD if kind == "person" else None,
            "actor": admin(),
            "reason": WHY,
            **values,
        }
    )
    for role in roles:
        grant(person, role, team=team)
    return person


def make_service(username: str = "", *roles: str, team: Team | None = None) -> Person:
    """Return a service account with `roles`."""
    return make_person(username, *roles, team=team, kind="service")


def grant(person: Person, role: str, *, team: Team | None = None) -> RoleGrant:
    """Grant one role; the person's cached grants are forgotten."""
    made = transitions.grant_role(person.pk, role=role, team=team, actor=admin(), reason=WHY)
    person.__dict__.pop("grants", None)
    return made


def registrar() -> Person:
    """Return the registrar for all teams who registers what makers make."""
    found = Person.objects.filter(username="rhea").first()
    return found or make_person("rhea", Role.REGISTRAR)


def make_token(owner: Person, *, scope: str = "read", days: int = 30, **bound) -> str:
    """Return a token of `owner`, as it is shown once."""
    _, raw = make_token_row(owner, scope=scope, days=days, **bound)
    return raw


def make_token_row(owner: Person, *, scope: str = "read", days: int = 30, **bound):
    """Return (row, token); with `environment`, of a new router there."""
    values = {"name": name("token"), "actor": admin(), "reason": WHY, **bound}
    if environment := values.pop("environment", None):
        values["router"] = make_router(environment)
    return transitions.issue_token(
        owner.pk,
        scope=ApiToken.Scope(scope),
        expires_at=clock.now() + timedelta(days=days),
        **values,
    )


# Nouns


def save(model, values: dict, parts: dict | None = None, *, actor=None, pk=None):
    """Save a noun as the registrar, or as `actor`."""
    actor = actor or registrar()
    return transitions.save_row(model, pk, values=values, parts=parts, actor=actor, reason=WHY)


def make_team(slug: str = "", **values) -> Team:
    slug = slug or name("team")
    return save(Team, {"slug": slug, "name": slug.title(), **values}, actor=admin())


def make_region(slug: str = "", **values) -> Region:
    slug = slug or name("region")
    values = {"name": slug, "country": "DE", "jurisdictions": ["EU", "DE"], **values}
    return save(Region, {"slug": slug, **values}, actor=admin())


def make_provider(slug: str = "", **values) -> Provider:
    slug = slug or name("provider")
    return save(Provider, {"slug": slug, "name": slug.title(), **values}, actor=admin())


def make_environment(
    slug: str = "", stage: str = "sandbox", *, regions: list[Region] | None = None, **values
) -> Environment:
    slug = slug or name("environment")
    regions = [make_region()] if regions is None else regions
    return save(
        Environment,
        {"slug": slug, "name": slug.title(), "stage": stage, "jurisdiction": "EU", **values},
        {EnvironmentRegion: [{"region": region} for region in regions]},
        actor=admin(),
    )


def make_router(environment: Environment | None = None, **values) -> Router:
    slug = name("router")
    values = {
        "name": slug.title(),
        "environment": environment or make_environment(),
        **({} if "team" in values else {"team": make_team()}),
        **values,
    }
    return save(Router, {"slug": slug, **values}, actor=admin())


def make_use_case(slug: str = "", *, team: Team | None = None, demands=None, **values) -> UseCase:
    """Return a use case; `demands` is a list of {"metric", "threshold"}."""
    slug = slug or name("use-case")
    return save(
        UseCase,
        {
            "slug": slug,
            "name": slug.title(),
            "purpose": "Answers questions of customers.",
            "team": team or make_team(),
            "risk_tier": "minimal",
            "data_classification": "internal",
            **values,
        },
        {ScoreDemand: demands or []},
    )


def make_model(
    slug: str = "", *, team: Team | None = None, uses: list[dict] | None = None, **values
) -> RegisteredModel:
    """Return a registered model; `uses` is a list of {"use_case", "stance"}."""
    slug, team = slug or name("model"), team or make_team()
    values = {"name": slug.title(), "team": team, "on_call_team": team, **values}
    return save(RegisteredModel, {"slug": slug, **values}, {ModelUse: uses or []})


#: The full minimum metadata, so that a made version passes every metadata requirement.
METADATA = {
    "identifier": "heron-7b-2026-03",
    "context_window": 32_768,
    "output_limit": 4096,
    "input_modalities": ["text"],
    "output_modalities": ["text"],
    "capabilities": ["tool use"],
    "licence": "Apache-2.0",
    "no_retirement_announced": True,
    "card": "# Heron 7B\n\nWhat it is for, and what it is not.",
}


def make_model_version(
    *,
    model: RegisteredModel | None = None,
    team: Team | None = None,
    datasets: list[tuple[DatasetVersion, str]] = (),
    sealed: bool = False,
    **values,
) -> ModelVersion:
    """Return a version with the full minimum metadata, unless `values` take some away."""
    values = {
        "model": model or make_model(team=team),
        "version": name("v"),
        **({} if "maker" in values else {"maker": make_provider()}),
        **METADATA,
        **values,
    }
    links = [{"dataset_version": dataset, "role": role} for dataset, role in datasets]
    version = save(ModelVersion, values, {VersionDataset: links})
    if sealed:
        version = transitions.seal_version(version.pk, actor=registrar(), reason=WHY)
    return version


def make_dataset_version(*, team: Team | None = None, **values) -> DatasetVersion:
    slug = name("dataset")
    dataset = save(Dataset, {"slug": slug, "name": slug.title(), "team": team or make_team()})
    values = {
        "version": "1",
        "classification": "internal",
        "jurisdiction": "EU",
        "digest": f"sha256:{'5' * 64}",
        **values,
    }
    return save(DatasetVersion, {"dataset": dataset, **values})


def make_endpoint(
    slug: str = "",
    *,
    version: ModelVersion | None = None,
    regions: dict[str, list[Region]] | None = None,
    **values,
) -> ServingEndpoint:
    """Return an endpoint of `version`; `regions` maps purposes to regions, else one for all."""
    version = version or make_model_version()
    if regions is None:
        region = make_region()
        regions = {purpose: [region] for purpose in EndpointRegion.Purpose.values}
    slug = slug or name("endpoint")
    values = {
        "version": version,
        **({} if "host" in values else {"host": make_provider()}),
        "team": version.model.team,
        "address": f"https://{slug}.example.org/v1",
        **values,
    }
    links = [
        {"purpose": purpose, "region": region}
        for purpose, listed in regions.items()
        for region in listed
    ]
    return save(ServingEndpoint, {"slug": slug, **values}, {EndpointRegion: links})


def make_prompt(*, team: Team | None = None, **values) -> PromptTemplate:
    slug = name("prompt")
    values = {"name": slug.title(), "team": team or make_team(), "kind": "system", **values}
    return save(PromptTemplate, {"slug": slug, **values})


def make_prompt_version(
    template: PromptTemplate | None = None,
    *,
    text: str = "",
    variables: list[str] = (),
    actor: Person | None = None,
) -> PromptVersion:
    return transitions.add_prompt_version(
        (template or make_prompt()).pk,
        text=text or f"Answer briefly. {name('text')}",
        variables=list(variables),
        notes="",
        actor=actor or registrar(),
        reason=WHY,
    )


def make_tool_scope(tool: str = "", scope: str = "read") -> ToolScope:
    slug = tool or name("tool")
    row = save(Tool, {"slug": slug, "name": slug.title()}, {ToolScope: [{"name": scope}]})
    return row.scopes.get()


def make_suite_version(*metrics: dict) -> SuiteVersion:
    """Return version 1 of a new suite, with one metric `accuracy` unless told otherwise."""
    slug = name("suite")
    suite = save(EvaluationSuite, {"slug": slug, "name": slug.title()})
    return transitions.publish_suite_version(
        suite.pk,
        notes="First version.",
        metrics=list(metrics)
        or [{"name": "accuracy", "unit": "fraction", "higher_is_better": True}],
        actor=registrar(),
        reason=WHY,
    )


def make_release(
    *,
    use_case: UseCase | None = None,
    version: ModelVersion | None = None,
    team: Team | None = None,
    prompts: list[PromptVersion] | None = None,
    grants: list[tuple[ToolScope, str]] = (),
    objectives: list[dict] | None = None,
    sealed: bool = True,
    actor: Person | None = None,
    **values,
) -> Release:
    """Return a release that is ready to operate: prompt, objective, on-call team and runbook."""
    actor = actor or registrar()
    use_case = use_case or make_use_case(team=team)
    if version is None:
        intended = [{"use_case": use_case, "stance": "intended"}]
        model = make_model(team=use_case.team, uses=intended)
        tried = make_dataset_version(team=use_case.team)
        version = make_model_version(model=model, datasets=[(tried, "evaluation")])
    prompts = [make_prompt_version(make_prompt(team=use_case.team))] if prompts is None else prompts
    if objectives is None:
        objectives = [{"metric": "answered within 2 s", "objective": "≥ 99 %", "window": "30 days"}]
    release = save(
        Release,
        {
            "use_case": use_case,
            "model_version": version,
            "parameters": {"temperature": "0.2", "max_output_tokens": 1024},
            "on_call_team": use_case.team,
            "runbook": "https://runbooks.example.org/answers",
            **values,
        },
        {
            ReleasePrompt: [{"prompt_version": prompt} for prompt in prompts],
            ToolGrant: [{"scope": scope, "authorization": how} for scope, how in grants],
            Objective: objectives,
        },
        actor=actor,
    )
    if sealed:
        release = transitions.seal_release(release.pk, actor=actor, reason=WHY)
    return release


# Policy


def author(username: str = "paula") -> Person:
    """Return a policy author for all teams; "paula" drafts and "percy" publishes."""
    found = Person.objects.filter(username=username).first()
    return found or make_person(username, Role.POLICY_AUTHOR)


def make_pack(slug: str = "", layer: str = "organisation", **values) -> PolicyPack:
    slug = slug or name("pack")
    values = {"name": slug.title(), "layer": layer, **values}
    return save(PolicyPack, {"slug": slug, **values}, actor=author())


def make_policy_draft(pack: PolicyPack | None = None, *, use_cases=None, **clauses):
    """Return a draft; `clauses` are values by key, with "__" for the dots."""
    return transitions.save_policy_draft(
        None,
        pack=(pack or make_pack()).pk,
        clauses={
            key.replace("__", "."): {"value": value, "why": "Made for a test."}
            for key, value in clauses.items()
        },
        use_cases=[one.pk for one in use_cases or ()],
        actor=author(),
        reason=WHY,
    )


def make_policy(pack: PolicyPack | None = None, *, use_cases=None, **clauses):
    """Return a version that is published by a second person."""
    draft = make_policy_draft(pack, use_cases=use_cases, **clauses)
    return transitions.publish_policy_version(draft.pk, actor=author("percy"), reason=WHY)
