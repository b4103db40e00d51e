"""One request explained: what served it, why that one, who let it in, and what changed since.

Everything is read from what was published and recorded then; the route is decided once more from
the stored snapshot, and a decision that comes out otherwise is said to.
"""

import json
from collections.abc import Iterable
from typing import Any

from audit.rules import instant_text
from evidence.models import EvidenceItem
from gates import emergencies
from gates.approvals import Approval, approvals
from gates.models import PackagePerson, Promotion
from registry.models import Person, PromptVersion, RegisteredModel, ServingEndpoint
from runtime import routing
from runtime.changing import Span, changes
from runtime.explaining import as_told, in_sight_of, line
from runtime.models import Activation, Snapshot
from runtime.publishing import current
from runtime.records.fields import ROUTE
from runtime.records.finding import MOST, called, said_of
from runtime.records.gaps import missing
from runtime.records.judging import DOUBTS
from runtime.records.models import RequestRecord

#: Refusals that a router makes by itself, without a decision.
ROUTERS_OWN = ("NOT_READY", "HEAD_EXPIRED", "SNAPSHOT_STALE")


def investigate(name: str, reader: Person) -> dict[str, Any] | None:
    """Return all that is known of a request, trace or conversation, or None.

    Of a trace or conversation with several requests, the list of them.
    """
    found_by, rows = called(name, reader)
    if not rows:
        return None
    requests: dict[str, list[RequestRecord]] = {}
    for row in rows:
        requests.setdefault(row.request, []).append(row)
    only = next(iter(requests.values())) if len(requests) == 1 else []
    return {
        "id": name,
        "found_by": found_by,
        "requests": [_short(request, of_it) for request, of_it in requests.items()],
        "more": len(rows) == MOST,
        "records": [said_of(row) for row in only],
        "attempts": [_attempt(some, reader) for some in _attempts(only)],
    }


def _short(request: str, rows: list[RequestRecord]) -> dict[str, Any]:
    last = rows[-1]
    return {
        "request": request,
        "at": rows[0].occurred_at,
        "environment": last.environment.slug,
        "use_case": last.route,
        "status": last.status,
        "deployment": last.deployment,
        "records": len(rows),
        "doubtful": any(row.unverified for row in rows),
    }


def _attempts(rows: Iterable[RequestRecord]) -> list[list[RequestRecord]]:
    """Return the records of each attempt of each router, the route before its outcome."""
    found: dict[tuple, list[RequestRecord]] = {}
    for row in rows:
        found.setdefault((row.router_id, row.attempt), []).append(row)
    for some in found.values():
        some.sort(key=lambda row: (row.kind != ROUTE, row.pk))
    return sorted(found.values(), key=lambda some: some[0].pk)


def _attempt(rows: list[RequestRecord], reader: Person) -> dict[str, Any]:
    """Return what one attempt was: what is recorded, what was published, and where they differ."""
    first, last = rows[0], rows[-1]
    activation = _activation(first)
    # What it says it ran on decides, even where the environment never had it under that number.
    digest = first.snapshot_digest or (activation.snapshot.digest if activation else "")
    snapshot = Snapshot.objects.filter(environment=first.environment, digest=digest).first()
    document = json.loads(snapshot.content) if snapshot else None
    served = _served(first, document, reader)
    replay = _replay(first, document, reader)
    newest = current(first.environment)
    since = None
    if activation is not None and newest is not None:
        since = changes(first.environment, Span(activation.generation, newest.generation), reader)
    return {
        "attempt": first.attempt,
        "router": first.router.slug,
        "environment": first.environment.slug,
        "route": said_of(first) if first.kind == ROUTE else None,
        "outcome": said_of(last) if last.kind != ROUTE else None,
        "discrepancies": list(_discrepancies(rows, served, replay)),
        "published": {**line(activation), "named": first.generation is not None}
        if activation
        else None,
        "served": served,
        "policy": _policy(first, document),
        "replay": replay,
        "let_in": _let_in(first, served, reader),
        "since": since,
    }


def _activation(row: RequestRecord) -> Activation | None:
    """Return the generation that a record names; for a trace without one, what was active."""
    rows = Activation.objects.filter(environment=row.environment).select_related(
        "snapshot", "change"
    )
    if row.generation is None and row.router_seq is None:
        rows = rows.filter(change__at__lte=row.occurred_at).order_by("-generation")
    else:
        rows = rows.filter(generation=row.generation)
    return rows.first()


# What served it


def _served(row: RequestRecord, document: dict | None, reader: Person) -> dict[str, Any] | None:
    """Return the deployment as its snapshot has it, with the text of prompts that are seen."""
    one = _deployment(document, row.deployment, row.release_digest)
    if one is None:
        return None
    seen = one["name"] in in_sight_of(reader, [one])
    endpoint, model = one["endpoint"], one["model"]
    model_url = endpoint_url = ""
    if RegisteredModel.objects.visible_to(reader).filter(slug=model["slug"]).exists():
        model_url = f"/models/{model['slug']}/{model['version']}/"
    if found := ServingEndpoint.objects.visible_to(reader).filter(slug=endpoint["slug"]).first():
        endpoint_url = f"/registry/servingendpoint/{found.pk}/change/"
    return {
        "deployment": one["name"],
        "release": {
            **one["release"],
            "use_case": one["use_case"],
            "url": f"/releases/{one['use_case']}/{one['release']['number']}/",
        },
        "model": {
            "slug": model["slug"],
            "version": model["version"],
            "identifier": model["identifier"] if seen else "",
            "digest": model["digest"],
            "url": model_url,
        },
        "endpoint": {
            "slug": endpoint["slug"],
            "host": endpoint["host"] if seen else "",
            "address": endpoint["address"] if seen else "",
            "served_release_id": endpoint["served_release_id"],
            "regions": endpoint["regions"],
            "url": endpoint_url,
        },
        "prompts": _prompts(one["prompts"], reader),
        "tools": one["tools"],
        "parameters": one["parameters"],
    }


def _deployment(document: dict | None, name: str, release: str) -> dict | None:
    """Return the deployment of that name; where none is named, the only one of the release."""
    rows = document["deployments"] if document else ()
    if name:
        return next((one for one in rows if one["name"] == name), None)
    found = [one for one in rows if release and one["release"]["digest"] == release]
    return found[0] if len(found) == 1 else None


def _prompts(named: list[dict], reader: Person) -> list[dict[str, Any]]:
    """Return prompt versions with their text, for those who may see them."""
    digests = [one["digest"] for one in named]
    texts = dict(
        PromptVersion.objects.visible_to(reader)
        .filter(digest__in=digests)
        .values_list("digest", "text")
    )
    return [
        {
            **one,
            "text": texts.get(one["digest"]),
            "url": f"/prompts/{one['template']}/{one['number']}/" if one["digest"] in texts else "",
        }
        for one in named
    ]


def _policy(row: RequestRecord, document: dict | None) -> dict[str, Any] | None:
    """Return the clauses that bound the route, each with the packs that say it."""
    route = document["routes"].get(row.route) if document else None
    if route is None:
        return None
    return {
        "digest": route["policy_digest"],
        "data_classification": route["data_classification"],
        "clauses": [
            {"clause": key, "value": value, "packs": route["policy_origins"].get(key, [])}
            for key, value in sorted(route["policy"].items())
        ],
    }


# Why this and not the others


def _replay(row: RequestRecord, document: dict | None, reader: Person) -> dict[str, Any]:
    """Decide once more, from what the record says, and compare."""

    def cannot(sentence: str) -> dict[str, Any]:
        return {"status": "not_possible", "sentence": sentence, "answer": None}

    if row.router_seq is None:
        return cannot("It came in a trace, which does not say how it was routed.")
    if row.kind != ROUTE:
        return cannot("The record of its route has not come.")
    if row.reason in ROUTERS_OWN:
        return cannot("The router refused by itself: what it held was too old, or nothing.")
    if document is None:
        return cannot("The snapshot that it names was never published here.")
    if row.engine and row.engine != routing.ENGINE:
        return cannot(f"It was decided by {row.engine}; here is {routing.ENGINE}.")
    facts = routing.read({**row.facts, "use_case": row.route})
    answer = routing.decide(
        document,
        facts,
        row.occurred_at,
        generation=row.generation or 0,
        digest=row.snapshot_digest,
    )
    offer = answer["selected"] or {"deployment": "", "release": {"digest": ""}}
    then = (row.status, row.reason, row.deployment, row.release_digest)
    now = (answer["status"], answer["reason"], offer["deployment"], offer["release"]["digest"])
    same = then == now
    return {
        "status": "agrees" if same else "differs",
        "sentence": "Decided once more from the same snapshot, facts and instant, it is the same."
        if same
        else f"Decided once more it is {_decision(*now)}; recorded is {_decision(*then)}.",
        "answer": as_told(answer, document, reader),
    }


def _decision(status: str, reason: str, deployment: str, release: str) -> str:
    return f"{status} to {deployment}, {release[:18]}…" if deployment else f"{status} ({reason})"


def _discrepancies(rows: list[RequestRecord], served, replay) -> Iterable[dict[str, str]]:
    """Yield what does not agree about an attempt, each as a code and a sentence."""
    for code in dict.fromkeys(row.unverified for row in rows if row.unverified):
        yield {"code": code, "sentence": DOUBTS[code]}
    if replay["status"] == "differs":
        yield {"code": "REPLAY_DIFFERS", "sentence": replay["sentence"]}
    for row in rows:
        expected = served["endpoint"]["served_release_id"] if served else ""
        if row.served_release and expected and row.served_release != expected:
            sentence = f"The provider says {row.served_release} served it; approved is {expected}."
            yield {"code": "SERVED_OTHER", "sentence": sentence}
    first = rows[0]
    if first.kind == ROUTE and rows[-1].kind == ROUTE and first.status == "routed":
        sentence = "No outcome has come: it was not sent yet, or what ran it ended before."
        yield {"code": "NO_OUTCOME", "sentence": sentence}
    if first.kind != ROUTE and first.router_seq is not None:
        yield {"code": "NO_ROUTE_RECORD", "sentence": "The record of its route has not come."}
    if any(row.skewed for row in rows):
        sentence = "The router's clock was off by more than five minutes when it sent this."
        yield {"code": "CLOCK", "sentence": sentence}
    gaps = missing(first.router)
    if gaps.records:
        places = "one gap" if gaps.gaps == 1 else f"{gaps.gaps} gaps"
        sentence = (
            f"{gaps.records} of the records that {first.router} numbered are missing, in {places}."
        )
        yield {"code": "GAPS", "sentence": sentence}


# Who let it in


def _let_in(row: RequestRecord, served: dict | None, reader: Person) -> dict[str, Any]:
    """Return the approvals that held at the instant, with who signed and on which evidence."""
    found: dict[str, Any] = {"approvals": [], "break_glasses": []}
    if row.release is None:
        return found
    where = {"release": row.release, "environment": row.environment}
    endpoint = served["endpoint"]["slug"] if served else row.deployment.rpartition("@")[2]
    promotions = Promotion.objects.visible_to(reader).filter(**where)
    found["approvals"] = [
        _approval(one, reader)
        for one in approvals(promotions, row.occurred_at)
        if one.holds and endpoint in one.covered
    ]
    found["break_glasses"] = [
        {
            "id": one.row.pk,
            "url": one.row.get_absolute_url(),
            "opened_by": one.facts.opened_by,
            "incident": one.row.incident,
            "until": instant_text(one.until),
        }
        for one in emergencies.of(row.release, row.environment, row.occurred_at)
        if one.holds and endpoint in one.facts.covered
    ]
    return found


def _approval(one: Approval, reader: Person) -> dict[str, Any]:
    promotion = one.promotion
    package = promotion.decided_package
    rests_on = json.loads(package.content)["rests_on"]
    named = {item["id"]: item for rest in rests_on for item in rest["evidence"]}
    items = EvidenceItem.objects.visible_to(reader).in_bulk(named)
    signed = PackagePerson.objects.filter(
        promotion=promotion,
        kind=PackagePerson.Kind.SIGNER,
        package_digest=package.digest,
        verdict__in=PackagePerson.APPROVALS,
    ).order_by("signed_at")
    return {
        "promotion": promotion.pk,
        "url": f"/promotions/{promotion.pk}/",
        "approved_at": instant_text(promotion.decided_at),
        "until": instant_text(one.until),
        "package": package.digest,
        "signed": [
            {
                "by": row.printed_name,
                "role": row.role,
                "verdict": row.verdict,
                "reason": row.reason,
                "at": instant_text(row.signed_at),
            }
            for row in signed
        ],
        "evidence": [
            {
                "id": str(pk),
                "title": item.title,
                "kind": item.kind,
                "verdict": item.verdict,
                "digest": named[str(pk)]["digest"],
                "url": item.get_absolute_url(),
            }
            for pk, item in items.items()
        ],
        "hidden": len(named) - len(items),
    }
