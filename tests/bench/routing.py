"""What routing costs.

    python -m tests.bench.routing
    python -m tests.postgres -- python -m tests.bench.routing

Decisions with full reasons among 10 to 1,000 candidates, beside the plain loop that the tests keep
as their oracle: both are asked the same by turns, and must say the same. Then, in a database of
its own: answers to routers beside a bare view with one indexed query, from the server of
production, by turns; what it takes to publish; and what was active at an instant, among few and
many generations. Nothing is asserted: read the tables.
"""

import argparse
import random
import time
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any

from runtime import routing
from tests.runtime import oracle

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
CANDIDATES = (10, 50, 200, 1000)
#: What a decision may cost, as a multiple of the plain loop.
AIMS = {50: 1.2, 1000: 0.15}
REGIONS = ("eu-central", "eu-west", "eu-north", "us-east", "us-west")
KNOWN = {"generation": 412, "digest": "sha256:" + "0" * 64}


def snapshot(candidates: int, seed: int = 1) -> dict[str, Any]:
    """Return a snapshot with so many deployments of one use case, few of which may serve."""
    draw = random.Random(seed)
    regions = [sorted(draw.sample(REGIONS, draw.choice([1, 1, 2]))) for _ in range(8)]
    return {
        "schema": routing.SCHEMA,
        "environment": {
            "slug": "production-eu",
            "stage": "production",
            "jurisdiction": "EU",
            "regions": list(REGIONS),
        },
        "routes": {
            "support": {
                "data_classification": "confidential",
                "policy": {
                    "residency.processing": ["eu-central", "eu-north", "eu-west"],
                    "residency.storage": ["eu-central", "eu-north", "eu-west"],
                    "data_classification.max": "confidential",
                    "providers": {"deny": ["tidemark"]},
                    "tools.authorization.crm": "service_account",
                    "require.served_release_id": True,
                },
                "policy_digest": "sha256:" + "1" * 64,
                "policy_origins": {},
            }
        },
        "deployments": [_deployment(number, draw, regions) for number in range(candidates)],
    }


def _deployment(number: int, draw: random.Random, regions: list[list[str]]) -> dict[str, Any]:
    slug = f"endpoint-{number:04}"
    site = draw.choice(regions)
    ends = NOW + timedelta(minutes=draw.randrange(-10_000, 500_000))
    return {
        "name": f"support-{number % 7 + 1}@{slug}",
        "use_case": "support",
        "priority": draw.choice([10, 20, 30]),
        "release": {"number": number % 7 + 1, "digest": f"sha256:{number:064x}"},
        "endpoint": {
            "slug": slug,
            "digest": f"sha256:{number:064x}",
            "address": f"https://{slug}.example.org/v1",
            "host": draw.choice(["quayside", "basalt", "tidemark", "northwind"]),
            "latency_class": draw.choice(routing.LATENCIES),
            "cost_class": draw.choice(routing.COSTS),
            "served_release_id": draw.choice(["", *[f"r-{number}"] * 9]),
            "regions": dict.fromkeys(routing.PURPOSES, site) | {"support": draw.choice(regions)},
        },
        "model": {
            "slug": f"model-{number % 20}",
            "version": "7",
            "identifier": f"model-{number % 20}-7b",
            "digest": f"sha256:{number % 20:064x}",
            "maker": draw.choice(["heron", "northwind", "tidemark", "open-weights", "heron"]),
            "context_window": draw.choice([4_000, 8_000, 32_000, 128_000, None]),
            "output_limit": 4_000,
            "capabilities": sorted(draw.sample(["audio", "json", "tools", "vision"], 3)),
            "intended": draw.choice([["support"], ["support"], ["support", "triage"]]),
            "disallowed": draw.choice([[], [], [], ["hiring"]]),
        },
        "prompts": [{"template": "p", "kind": "system", "number": 12, "digest": "sha256:ab"}],
        "tools": [
            {
                "tool": "crm",
                "scope": draw.choice(["read", "write"]),
                "authorization": draw.choice(routing.AUTHORIZATIONS[1:]),
            }
        ],
        "parameters": {"temperature": "0.2"},
        "not_after": routing.instant_text(ends),
        "breaches": [],
        "suspended": draw.choice([["Wrong answers."], *[[]] * 19]),
    }


def requests(snap: dict[str, Any], count: int, seed: int = 2) -> list[routing.Facts]:
    """Return requests, hardly two of which are alike."""
    draw = random.Random(seed)
    names = [one["name"] for one in snap["deployments"]]
    return [
        routing.read(
            {
                "use_case": "support",
                "regions": draw.sample(REGIONS, draw.choice([4, 5])),
                "data_classification": draw.choice(routing.CLASSIFICATIONS[:3]),
                "tools": draw.choice([["crm"], ["crm.read"], []]),
                "capabilities": draw.choice([["json"], ["json", "vision"], []]),
                "tokens": draw.randrange(100, 20_000),
                "exclude": draw.sample(names, draw.choice([0, 0, 1])),
                "health": dict.fromkeys(draw.sample(names, draw.choice([0, 2])), False),
            }
        )
        for _ in range(count)
    ]


def decisions(rounds: int) -> None:
    """Print what a decision costs among so many candidates, as a ratio to the plain loop."""
    print("\nLocal decisions with full reasons, µs, median (least)\n")
    head = ("candidates", "eligible", "plain loop", "table", "ratio", "aim", "making the table")
    print("{:>10} {:>8} {:>17} {:>17} {:>6} {:>5} {:>17}".format(*head))
    for candidates in CANDIDATES:
        snap = snapshot(candidates)
        asked = requests(snap, max(20, 2000 // candidates))
        took: dict[str, list[float]] = {"loop": [], "table": [], "made": []}
        eligible = []
        for _ in range(rounds):
            begun = time.perf_counter()
            table = routing.Table(snap)
            table.decide(asked[0], NOW, **KNOWN)
            took["made"].append(time.perf_counter() - begun)
            for number, facts in enumerate(asked):
                at = NOW + timedelta(seconds=number)
                begun = time.perf_counter()
                said = table.decide(facts, at, **KNOWN)
                between = time.perf_counter()
                loop = oracle.decide(snap, facts, at, **KNOWN)
                took["loop"].append(time.perf_counter() - between)
                took["table"].append(between - begun)
                assert routing.encode(said) == routing.encode(loop)
                eligible.append(said["candidates"]["eligible"])
        ratio = median(took["table"]) / median(took["loop"])
        aim = AIMS.get(candidates)
        print(
            f"{candidates:10,} {median(eligible):8.0f} {_us(took['loop'])} {_us(took['table'])} "
            f"{ratio:6.2f} {aim or '':>5} {_us(took['made'])}"
            + ("  missed" if aim and ratio > aim else ""),
            flush=True,
        )


def _us(took: list[float]) -> str:
    return f"{1e6 * median(took):9,.0f} {f'({1e6 * min(took):,.0f})':>7}"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.routing", description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parts = ["decisions", "requests", "publishing", "as_of"]
    parser.add_argument("--only", choices=parts, nargs="+", default=parts)
    given = parser.parse_args()
    if "decisions" in given.only:
        decisions(given.rounds)
    if rest := [part for part in given.only if part != "decisions"]:
        from tests.bench import routing_server

        routing_server.measure(rest, given.rounds)


if __name__ == "__main__":
    main()
