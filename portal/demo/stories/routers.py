"""The gateways of production: one keeps up, one has missed the newest generation."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from audit import clock
from portal.demo import people
from portal.demo.world import World
from registry import transitions as registry
from registry.models import ApiToken, Environment, Router, Team
from runtime import reports

ADMIN, ENVIRONMENT = "admin", "production-eu"
#: slug, name, seconds until it takes what is published, generations that it is behind today
ROUTERS = (
    ("gateway-frankfurt", "Model gateway, Frankfurt", 6, 0),
    ("gateway-dublin", "Model gateway, Dublin", 11, 1),
)


def routers(world: World) -> Iterator[datetime]:
    """Tell how the gateways were registered, and what each has said that it holds."""
    yield world.day(212)
    environment = Environment.objects.get(slug=ENVIRONMENT)
    tokens = [_register(world, environment, slug, name) for slug, name, _, _ in ROUTERS]
    yield world.day(1, 10)
    published = list(environment.activations.select_related("change").order_by("generation"))
    for token, (_, _, takes, behind) in zip(tokens, ROUTERS, strict=True):
        taken = published[: len(published) - behind]
        for one in taken:
            if one.change.at > token.created:
                with clock.at(one.change.at + timedelta(seconds=takes)):
                    reports.note(token, one.generation, one.generation)
    say_what_is_held(world.now)


def say_what_is_held(now: datetime) -> None:
    """Let the gateways be heard from, as they would be every few seconds: no change of anything."""
    active = Environment.objects.get(slug=ENVIRONMENT).activations.latest("generation").generation
    for slug, _, _, behind in ROUTERS:
        for token in ApiToken.objects.filter(router__slug=slug):
            with clock.at(now):
                reports.note(token, active - behind, active)


def _register(world: World, environment: Environment, slug: str, name: str) -> ApiToken:
    router = world.save(
        Router,
        ADMIN,
        "It sends the requests of production.",
        slug=slug,
        name=name,
        environment=environment,
        team=Team.objects.get(slug="platform"),
    )
    with world.act() as now:
        token, _ = registry.issue_token(
            world.who(people.GATEWAY.username).pk,
            name=slug,
            scope=ApiToken.Scope.ROUTER,
            router=router,
            expires_at=now + timedelta(days=365),
            actor=world.who(ADMIN),
            reason="So that it is told what it may route.",
        )
    return token
