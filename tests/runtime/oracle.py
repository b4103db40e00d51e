"""The routing decision as a plain loop: slow, short, and what `runtime.routing` must agree with."""

from runtime import routing
from runtime.routing import ENGINE, SCHEMA, Against, instant_text


def decide(snapshot, facts, at, *, generation, digest, rules=routing.RULES):
    """Ask every rule of every deployment, one after the other."""
    answer = {
        "engine": ENGINE,
        "environment": None,
        "use_case": facts.use_case,
        "at": instant_text(at),
        "generation": generation,
        "digest": digest,
        "status": "error",
        "reason": "SNAPSHOT_UNKNOWN",
        "retryable": False,
        "selected": None,
        "fallbacks": [],
        "prompts": [],
        "candidates": {"total": 0, "eligible": 0, "refused": []},
    }
    if snapshot.get("schema") != SCHEMA:
        return answer
    answer["environment"] = snapshot["environment"]["slug"]
    route = snapshot["routes"].get(facts.use_case)
    if route is None:
        return answer | {"status": "refused", "reason": "NO_ROUTE"}
    candidates = [one for one in snapshot["deployments"] if one["use_case"] == facts.use_case]
    eligible, refused = [], []
    for one in sorted(candidates, key=lambda one: one["name"]):
        reasons = routing.against(routing._Asked(one, route, facts, at), rules)
        if not reasons:
            try:
                eligible.append((routing._rank(one), routing._offer(one), one["prompts"]))
            except Exception as error:  # noqa: BLE001 - whatever it is, it refuses
                fact = f"It cannot be offered: {type(error).__name__}."
                reasons = [Against("EVALUATION_ERROR", fact)]
        if reasons:
            refused.append((one, [vars(reason) for reason in reasons]))
    eligible.sort(key=lambda ranked: ranked[0])
    answer["candidates"] = {
        "total": len(candidates),
        "eligible": len(eligible),
        "refused": [
            {
                "deployment": one["name"],
                "reasons": [
                    {name: reason[name] for name in ("code", "fact", "clause")}
                    for reason in reasons
                ],
            }
            for one, reasons in refused
        ],
    }
    if not eligible:
        return answer | {"status": "refused"} | _why_nothing(reasons for _, reasons in refused)
    (_, selected, prompts), *others = eligible
    return answer | {
        "status": "routed",
        "reason": "ROUTED",
        "selected": selected,
        "fallbacks": [offer | {"code": "OUTRANKED"} for _, offer, _ in others],
        "prompts": prompts,
    }


def _why_nothing(refusals):
    """Return why nothing is left: the least of what stands against any one deployment."""
    soft, capability = {*routing.SOFT}, {*routing.SOFT, *routing.CAPABILITY}
    codes = [{reason["code"] for reason in reasons} for reasons in refusals]
    if not codes:
        return {"reason": "NOTHING_DEPLOYED", "retryable": False}
    if any(found <= soft for found in codes):
        return {"reason": "UNAVAILABLE", "retryable": True}
    if any(found <= capability for found in codes):
        return {"reason": "CAPABILITY", "retryable": False}
    return {"reason": "POLICY", "retryable": False}
