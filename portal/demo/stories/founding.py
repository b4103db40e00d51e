"""How it began: people, places, purposes, public models; and that the record is looked at."""

from collections.abc import Iterator
from datetime import datetime

from portal.demo import catalogue, people, places, prompts, purposes
from portal.demo.catalogue import Endpoint, Version
from portal.demo.people import Member
from portal.demo.purposes import Purpose
from portal.demo.world import BEGINS, World
from registry import transitions as registry
from registry.models import (
    Dataset,
    DatasetVersion,
    EndpointRegion,
    Environment,
    EnvironmentRegion,
    EvaluationSuite,
    Metric,
    ModelUse,
    ModelVersion,
    Person,
    PromptTemplate,
    Provider,
    Region,
    RegisteredModel,
    ScoreDemand,
    ServingEndpoint,
    Team,
    Tool,
    ToolScope,
    UseCase,
    VersionDataset,
)

#: The founding registrar, and the administrator who may not grant to themselves.
REGISTRAR, ADMIN, SECOND = "registrar", "admin", "admin.second"


def founding(world: World) -> Iterator[datetime]:
    """Tell how the portal was set up; that it was verified last night; that a pipeline asks it."""
    yield world.day(BEGINS)
    _people(world)
    yield world.day(216)
    _places(world)
    yield world.day(215)
    _purposes(world)
    yield world.day(214)
    _join(world, people.GATEWAY)
    _prompts(world)
    yield world.day(213)
    _models(world)
    yield world.day(1, 3)
    world.verify()
    # The last act of all: that it is there says that every story was told to its end.
    yield world.day(1, 8)
    _join(world, people.PIPELINE)


def _people(world: World) -> None:
    first = people.FIRST_ADMINISTRATOR
    with world.act():
        registry.bootstrap_administrator(
            username=first.username, name=first.name, email=first.email, password=people.PASSWORD
        )
    for slug, name in people.TEAMS.items():
        world.save(
            Team,
            ADMIN,
            "The teams as they are today.",
            slug=slug,
            name=name,
            contact=f"rota {slug}, #{slug}",
        )
    for member in people.PEOPLE:
        _join(world, member)


def _join(world: World, member: Member) -> None:
    service = member in people.SERVICES
    with world.act():
        person = registry.add_person(
            username=member.username,
            name=member.name,
            email="" if service else member.email,
            kind=Person.Kind.SERVICE if service else Person.Kind.PERSON,
            password=None if service else people.PASSWORD,
            actor=world.who(ADMIN),
            reason="Works with models here.",
        )
    team = Team.objects.get(slug=member.team) if member.team else None
    for role in member.roles:
        with world.act():
            registry.grant_role(
                person.pk,
                role=role,
                team=team,
                actor=world.who(ADMIN),
                reason=f"Needed as {role.label}.",
            )


def _places(world: World) -> None:
    why = "Where our data may be."
    for slug, name, country, jurisdictions in places.REGIONS:
        world.save(
            Region, ADMIN, why, slug=slug, name=name, country=country, jurisdictions=jurisdictions
        )
    for slug, name, country, website in places.PROVIDERS:
        world.save(
            Provider,
            ADMIN,
            "Makes or hosts models that we look at.",
            slug=slug,
            name=name,
            country=country,
            website=website,
        )
    for slug, name, stage, jurisdiction, regions in places.ENVIRONMENTS:
        world.save(
            Environment,
            SECOND,
            "Where releases will run.",
            {EnvironmentRegion: [{"region": Region.objects.get(slug=one)} for one in regions]},
            slug=slug,
            name=name,
            stage=stage,
            jurisdiction=jurisdiction,
        )


def _purposes(world: World) -> None:
    for suite in purposes.SUITES:
        row = world.save(
            EvaluationSuite,
            REGISTRAR,
            "What we measure by.",
            slug=suite.slug,
            name=suite.name,
            description=suite.description,
        )
        publish(world, row, *suite.versions[0])
    for purpose in purposes.USE_CASES:
        world.save(
            UseCase,
            REGISTRAR,
            "Agreed with its owner and with risk.",
            {ScoreDemand: demands(purpose.demands)},
            **_columns(purpose),
        )
    for slug, name, description, scopes in purposes.TOOLS:
        world.save(
            Tool,
            REGISTRAR,
            "Releases may ask for it.",
            {ToolScope: [{"name": scope, "description": text} for scope, text in scopes]},
            slug=slug,
            name=name,
            description=description,
        )


def _columns(purpose: Purpose) -> dict:
    return {
        "slug": purpose.slug,
        "name": purpose.name,
        "team": Team.objects.get(slug=purpose.team),
        "risk_tier": purpose.risk_tier,
        "data_classification": purpose.data_classification,
        "purpose": purpose.purpose,
    }


def publish(world: World, suite: EvaluationSuite, notes: str, metrics) -> None:
    """Publish the next version of a suite."""
    with world.act():
        registry.publish_suite_version(
            suite.pk,
            notes=notes,
            metrics=[metric.as_dict() for metric in metrics],
            actor=world.who(REGISTRAR),
            reason="Metrics agreed with risk.",
        )


def demands(listed) -> list[dict]:
    """Return demands (suite, suite version, metric, threshold) as parts of a use case."""
    return [
        {
            "metric": Metric.objects.get(
                suite_version__suite__slug=suite, suite_version__number=number, name=metric
            ),
            "threshold": threshold,
        }
        for suite, number, metric, threshold in listed
    ]


def _prompts(world: World) -> None:
    for prompt in prompts.PROMPTS:
        row = world.save(
            PromptTemplate,
            REGISTRAR,
            "A prompt that releases use.",
            slug=prompt.slug,
            name=prompt.name,
            team=Team.objects.get(slug=prompt.team),
            kind=prompt.kind,
        )
        write(world, row, 1)


def write(world: World, template: PromptTemplate, number: int, by: str = REGISTRAR) -> None:
    """Add version `number` of a prompt, as the table has it."""
    prompt = next(one for one in prompts.PROMPTS if one.slug == template.slug)
    notes, text = prompt.versions[number - 1]
    with world.act():
        registry.add_prompt_version(
            template.pk,
            text=text,
            variables=list(prompt.variables),
            notes=notes,
            actor=world.who(by),
            reason=notes,
        )


def _models(world: World) -> None:
    for slug, name, team, shared, description, versions in catalogue.DATASETS:
        dataset = world.save(
            Dataset,
            REGISTRAR,
            "Models are tuned and judged by it.",
            slug=slug,
            name=name,
            team=Team.objects.get(slug=team),
            shared=shared,
            description=description,
        )
        for version, classification, jurisdiction, digested, source in versions:
            world.save(
                DatasetVersion,
                REGISTRAR,
                "One frozen state.",
                dataset=dataset,
                version=version,
                classification=classification,
                jurisdiction=jurisdiction,
                digest=catalogue.invented_digest(f"{slug} {version}") if digested else "",
                source=source,
            )
    for model in catalogue.MODELS:
        team = Team.objects.get(slug=model.team)
        uses = [(slug, "intended") for slug in model.intended]
        uses += [(slug, "disallowed") for slug in model.disallowed]
        world.save(
            RegisteredModel,
            REGISTRAR,
            "Somebody wants to build on it.",
            {
                ModelUse: [
                    {"use_case": UseCase.objects.get(slug=slug), "stance": stance}
                    for slug, stance in uses
                ]
            },
            slug=model.slug,
            name=model.name,
            description=model.description,
            team=team,
            on_call_team=team,
            shared=model.shared,
        )
    for version in catalogue.VERSIONS:
        row = register(world, version)
        with world.act():
            registry.seal_version(
                row.pk,
                actor=world.who(REGISTRAR),
                reason="Facts compared with the maker's own pages.",
            )
    for endpoint in catalogue.ENDPOINTS:
        serve(world, endpoint)


def register(world: World, version: Version, by: str = REGISTRAR) -> ModelVersion:
    """Register a draft of a model version with its metadata and datasets."""
    base = version.base and ModelVersion.objects.get(
        model__slug=version.base[0], version=version.base[1]
    )
    return world.save(
        ModelVersion,
        by,
        "Recorded from what its maker publishes.",
        {
            VersionDataset: [
                {
                    "dataset_version": DatasetVersion.objects.get(
                        dataset__slug=dataset, version=state
                    ),
                    "role": role,
                }
                for role, dataset, state in version.datasets
            ]
        },
        model=RegisteredModel.objects.get(slug=version.model),
        version=version.version,
        identifier=version.identifier,
        maker=Provider.objects.get(slug=version.maker),
        context_window=version.context_window,
        output_limit=version.output_limit,
        input_modalities=list(version.input_modalities),
        output_modalities=["text"],
        capabilities=list(version.capabilities),
        licence=version.licence,
        base_version=base,
        fine_tuning=version.fine_tuning,
        weights_digest=version.weights_digest,
        retires_on=version.retires_on,
        no_retirement_announced=version.retires_on is None,
        card=version.card,
    )


def serve(world: World, endpoint: Endpoint, by: str = REGISTRAR) -> ServingEndpoint:
    """Register an endpoint with its four region sets."""
    version = ModelVersion.objects.get(model__slug=endpoint.version[0], version=endpoint.version[1])
    return world.save(
        ServingEndpoint,
        by,
        "Ready to be called.",
        {
            EndpointRegion: [
                {"purpose": purpose, "region": Region.objects.get(slug=slug)}
                for purpose, slugs in endpoint.regions().items()
                for slug in slugs
            ]
        },
        slug=endpoint.slug,
        version=version,
        host=Provider.objects.get(slug=endpoint.host),
        team=version.model.team,
        address=endpoint.address,
        latency_class=endpoint.latency_class,
        cost_class=endpoint.cost_class,
        exposure="exposed" if endpoint.served_release_id else "not_exposed",
        served_release_id=endpoint.served_release_id,
    )
