"""What the rows of a filled database name: people, places, tools and policy, through the verbs."""

from dataclasses import dataclass, field

from registry.models import Environment, EnvironmentRegion, Person, Provider, ToolScope
from registry.roles import Role
from tests import make

#: Rows written through the verbs, by name.
TEAMS = ("claims", "payments", "lending", "fraud", "advice", "legal", "people", "research")
PROVIDERS = ("Northwind AI", "Heron Labs", "Open Weights", "Quayside Cloud", "Basalt", "Tidemark")
REGIONS = (
    ("eu-central", "DE", ["EU", "DE"]),
    ("eu-west", "IE", ["EU", "IE"]),
    ("us-east", "US", []),
)
ENVIRONMENTS = (
    ("sandbox", "sandbox", "EU"),
    ("staging-eu", "production", "EU"),
    ("production-eu", "production", "EU"),
    ("production-us", "production", "US"),
    ("regulated-eu", "regulated", "EU"),
)


@dataclass
class World:
    """What rows name: written through the verbs once, and what was filled before."""

    actor: Person
    teams: list
    providers: list
    regions: list
    environments: list
    scopes: list
    use_cases: list = field(default_factory=list)
    datasets: list = field(default_factory=list)
    prompts: list = field(default_factory=list)
    versions: list = field(default_factory=list)
    releases: list = field(default_factory=list)


def place() -> World:
    """Register who and what everything else names, and put two packs into force."""
    teams = [make.make_team(slug, contact=f"rota {slug}") for slug in TEAMS]
    for name in PROVIDERS:
        make.make_provider(slug(name), name=name)
    regions = {
        name: make.make_region(name, country=country, jurisdictions=law)
        for name, country, law in REGIONS
    }
    for name, stage, law in ENVIRONMENTS:
        inside = [region for name, region in regions.items() if law.lower() in name]
        make.save(
            Environment,
            {"slug": name, "name": name.title(), "stage": stage, "jurisdiction": law},
            {EnvironmentRegion: [{"region": region} for region in inside]},
            actor=make.admin(),
        )
    for tool in ("crm", "ledger", "mailbox"):
        make.make_tool_scope(tool, "read")
    make.make_person("reader", Role.VIEWER, Role.REGISTRAR)
    make.make_person("member", Role.REGISTRAR, team=teams[0])
    make.make_policy(
        make.make_pack("baseline"),
        data_classification__max="confidential",
        review_months=12,
        retention_days=730,
    )
    make.make_policy(
        make.make_pack("eu-residency", "jurisdiction", jurisdiction="EU"),
        residency__processing=["eu-central", "eu-west"],
        residency__storage=["eu-central", "eu-west"],
    )
    return World(
        actor=make.registrar(),
        teams=teams,
        providers=list(Provider.objects.order_by("pk")),
        regions=list(regions.values()),
        environments=list(Environment.objects.order_by("pk")),
        scopes=list(ToolScope.objects.select_related("tool").order_by("pk")),
    )


def slug(name: str) -> str:
    return name.lower().replace(" ", "-")
