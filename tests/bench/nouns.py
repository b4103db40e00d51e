"""The nouns of a filled database: each function takes the record, the world, dice and the size."""

import random
from datetime import UTC, datetime, timedelta

from evidence import documents as evidence_documents
from evidence.kinds import KINDS
from evidence.models import EvidenceItem
from registry import documents
from registry.models import (
    DataClass,
    Dataset,
    DatasetVersion,
    EndpointRegion,
    ModelUse,
    ModelVersion,
    Objective,
    PromptTemplate,
    PromptVersion,
    RegisteredModel,
    Release,
    ReleasePrompt,
    RiskTier,
    ServingEndpoint,
    ToolGrant,
    UseCase,
    VersionDataset,
)
from tests.bench.world import World
from tests.bench.writing import Record, Seen, sealed

#: Words that names are made of; a name has two of them and a number.
FAMILIES = ("heron", "ibis", "egret", "plover", "avocet", "dunlin", "kestrel", "osprey", "tern")
PURPOSES = ("triage", "summary", "routing", "search", "drafting", "redaction", "forecast", "review")
SIZES = ("3b", "7b", "14b", "32b", "70b", "mini", "large", "pro")
LICENCES = ("Apache-2.0", "MIT", "proprietary", "llama3.1")
TUNINGS = ("full", "adapter", "preference", "quantised")
PROMPT = (
    "You answer questions of the {team} team about {purpose}. Keep to what the documents say, "
    "name the paragraph that you rest on, and say so when they do not answer. Never repeat account "
    "numbers, and hand over to a person when somebody asks for one. Ticket {number}."
)
BEGIN = datetime(2024, 1, 1, tzinfo=UTC)
VERSIONS_PER_MODEL = 20


def use_cases(record: Record, world: World, draw: random.Random, versions: int) -> None:
    for number in range(1, per(versions, 100) + 1):
        team, purpose = draw.choice(world.teams), draw.choice(PURPOSES)
        row = UseCase(
            pk=record.key(UseCase),
            slug=f"{team.slug}-{purpose}-{number}",
            name=f"{team.name} {purpose} {number}",
            purpose=f"Helps the {team.slug} team with {purpose}; customers feel wrong answers.",
            team=team,
            risk_tier=draw.choice(RiskTier.values),
            data_classification=draw.choice(DataClass.values[:3]),
        )
        record.change("Registered in bulk.", row)
        world.use_cases.append(row)


def datasets(record: Record, world: World, draw: random.Random, versions: int) -> None:
    for number in range(1, per(versions, 50) + 1):
        team, purpose = draw.choice(world.teams), draw.choice(PURPOSES)
        dataset = Dataset(
            pk=record.key(Dataset),
            slug=f"{purpose}-cases-{number}",
            name=f"{purpose.title()} cases {number}",
            team=team,
            description=f"Past cases of {purpose}, with personal data taken out.",
        )
        states = [
            DatasetVersion(
                pk=record.key(DatasetVersion),
                dataset=dataset,
                version=f"2025-{month:02}",
                classification="internal",
                jurisdiction="EU",
                digest=f"sha256:{draw.getrandbits(256):064x}",
                source=f"s3://datasets/{dataset.slug}/2025-{month:02}",
            )
            for month in (3, 9)
        ]
        record.change("Registered in bulk.", dataset, *states)
        world.datasets += states


def prompts(record: Record, world: World, draw: random.Random, versions: int) -> None:
    for number in range(1, per(versions, 50) + 1):
        team, purpose = draw.choice(world.teams), draw.choice(PURPOSES)
        template = PromptTemplate(
            pk=record.key(PromptTemplate),
            slug=f"{purpose}-prompt-{number}",
            name=f"{purpose.title()} prompt {number}",
            team=team,
            kind="system",
        )
        record.change("Registered in bulk.", template)
        parent = None
        for state in range(1, 4):
            parent = PromptVersion(
                pk=record.key(PromptVersion),
                template=template,
                number=state,
                parent=parent,
                text=PROMPT.format(team=team.slug, purpose=purpose, number=f"{number}.{state}"),
                variables=["question"],
                notes=f"State {state}.",
                created_by=world.actor,
                created_at=moment(draw),
            )
            record.change("A new text.", sealed(parent, documents.prompt_version(parent)))
        world.prompts.append(parent)


def models(record: Record, world: World, draw: random.Random, versions: int) -> None:
    """Write models and their versions: most of them sealed, some made from the one before."""
    left = versions
    number = 0
    while left:
        number += 1
        team = draw.choice(world.teams)
        name = f"{draw.choice(FAMILIES)}-{draw.choice(SIZES)}-{number}"
        model = RegisteredModel(
            pk=record.key(RegisteredModel),
            slug=name,
            name=name.replace("-", " ").title(),
            description=f"Used for {draw.choice(PURPOSES)}.",
            team=team,
            on_call_team=team,
            shared=draw.random() < 0.2,
        )
        use = ModelUse(
            pk=record.key(ModelUse),
            model=model,
            use_case=draw.choice(world.use_cases),
            stance="intended",
        )
        record.change("Registered in bulk.", model, use)
        count = min(left, VERSIONS_PER_MODEL)
        maker, base = draw.choice(world.providers), None
        for state in range(1, count + 1):
            base = version(record, world, draw, model, maker, state, base)
        left -= count


def version(record: Record, world: World, draw: random.Random, model, maker, state: int, before):
    """Write one version with its datasets; return it if others can be made from it."""
    base = before if draw.random() < 0.6 else None
    row = ModelVersion(
        pk=record.key(ModelVersion),
        model=model,
        version=str(state),
        identifier=f"{model.slug}-2025-{state:02}-{draw.randrange(10**6):06}",
        maker=maker,
        context_window=draw.choice((8192, 32_768, 131_072)),
        output_limit=4096,
        input_modalities=["text"],
        output_modalities=["text"],
        capabilities=["tool use"],
        licence=draw.choice(LICENCES),
        base_version=base,
        fine_tuning=draw.choice(TUNINGS) if base else "",
        no_retirement_announced=True,
        card=f"# {model.name} {state}\n\nMeant for {draw.choice(PURPOSES)}.",
        created_by=world.actor,
    )
    links = [
        VersionDataset(
            pk=record.key(VersionDataset),
            version=row,
            dataset_version=dataset,
            role="fine_tuning" if base else "evaluation",
        )
        for dataset in draw.sample(world.datasets, k=1)
    ]
    draft = state == VERSIONS_PER_MODEL
    if not draft:
        sealed(row, documents.model_version(Seen(row, dataset_links=links)), moment(draw))
        if draw.random() < 0.12 or not world.versions:
            world.versions.append(row)
    record.change("Registered in bulk.", row, *links)
    return None if draft else row


def endpoints(record: Record, world: World, draw: random.Random, versions: int) -> None:
    for number in range(1, per(versions, 50) + 1):
        called, host = draw.choice(world.versions), draw.choice(world.providers)
        region = draw.choice(world.regions)
        row = ServingEndpoint(
            pk=record.key(ServingEndpoint),
            slug=f"{host.slug}-{called.model.slug}-{number}",
            version=called,
            host=host,
            team=called.model.team,
            address=f"https://{number}.{host.slug}.example.com/v1",
        )
        links = [
            EndpointRegion(
                pk=record.key(EndpointRegion), endpoint=row, purpose=purpose, region=region
            )
            for purpose in ("processing", "storage")
        ]
        pairs = [(link.purpose, link.region) for link in links]
        record.change("Registered in bulk.", sealed(row, documents.endpoint(row, pairs)), *links)


def releases(record: Record, world: World, draw: random.Random, versions: int) -> None:
    numbers: dict[int, int] = {}
    for _ in range(per(versions, 10)):
        use_case = draw.choice(world.use_cases)
        numbers[use_case.pk] = numbers.get(use_case.pk, 0) + 1
        row = Release(
            pk=record.key(Release),
            use_case=use_case,
            number=numbers[use_case.pk],
            model_version=draw.choice(world.versions),
            parameters={"temperature": "0.2", "max_output_tokens": 1024},
            on_call_team=use_case.team,
            runbook=f"https://runbooks.example.com/{use_case.slug}",
            notes="A newer model.",
            created_by=world.actor,
        )
        parts = {
            "prompt_links": ReleasePrompt(
                pk=record.key(ReleasePrompt),
                release=row,
                prompt_version=draw.choice(world.prompts),
            ),
            "tool_grants": ToolGrant(
                pk=record.key(ToolGrant),
                release=row,
                scope=draw.choice(world.scopes),
                authorization="user_delegated",
            ),
            "objectives": Objective(
                pk=record.key(Objective),
                release=row,
                metric="answered within 2 s",
                objective="≥ 99 %",
                window="30 days",
            ),
        }
        document = documents.release(Seen(row, **{name: [one] for name, one in parts.items()}))
        record.change("Sealed in bulk.", sealed(row, document, moment(draw)), *parts.values())
        world.releases.append(row)


def evidence(record: Record, world: World, draw: random.Random, versions: int) -> None:
    kinds = ("safety_check", "data_boundary", "privacy_review", "red_team")
    for _ in range(per(versions, 20)):
        about, kind = draw.choice(world.releases), draw.choice(kinds)
        given = moment(draw)
        row = EvidenceItem(
            pk=record.key(EvidenceItem),
            kind=kind,
            release=about,
            title=f"{KINDS[kind].name} of {about}",
            verdict="pass",
            vouched_by=f"The laboratory of {about.use_case.team}",
            answers={"method": "Prompts of the suite and of two people.", "result": "Nothing."},
            author=world.actor,
            created_at=given,
            expires_at=given + timedelta(days=365),
        )
        record.change("Given in bulk.", sealed(row, evidence_documents.evidence_item(row, ())))


def per(versions: int, each: int) -> int:
    """Return how many rows there are when every `each` versions share one; one at least."""
    return max(1, versions // each)


def moment(draw: random.Random) -> datetime:
    """Return an instant in the two years before the filling."""
    return BEGIN + timedelta(seconds=draw.randrange(2 * 365 * 24 * 60 * 60))


#: In an order in which each finds what it names.
FILLS = (use_cases, datasets, prompts, models, endpoints, releases, evidence)
