"""What differs between two packages is said, all of it and nothing else."""

from copy import deepcopy

import pytest

from gates.differences import differences

DOCUMENT = {
    "schema": "gatehouse.package/1",
    "promotion": 7,
    "submission": 1,
    "release": {"use_case": "triage", "number": 3, "digest": "sha256:r", "model_version": "m 1"},
    "endpoints": [{"slug": "fra-1", "digest": "sha256:a"}, {"slug": "par-1", "digest": "sha256:b"}],
    "environment": {
        "slug": "live",
        "stage": "production",
        "jurisdiction": "EU",
        "regions": ["eu-central"],
    },
    "gate": {
        "effective": "production",
        "versions": [
            {"gate": "sandbox", "number": 1, "digest": "sha256:s"},
            {"gate": "production", "number": 1, "digest": "sha256:p"},
        ],
        "slots": ["reviewer:1", "risk_owner:1"],
    },
    "use_case": {"slug": "triage", "risk_tier": "limited", "data_classification": "internal"},
    "effective_policy": "sha256:e",
    "demands": [
        {"metric": 4, "name": "suite v1 recall", "threshold": "0.900000", "higher_is_better": True}
    ],
    "rests_on": [
        {
            "requirement": "sandbox.safety_checks",
            "evidence": [{"id": "e1", "digest": "sha256:1", "holds_until": "2027-01-01"}],
            "scores": [],
        },
        {
            "requirement": "production.benchmark_scores",
            "evidence": [{"id": "e2", "digest": "sha256:2", "holds_until": "2027-01-01"}],
            "scores": [{"run": 11, "metric": 4, "text": "0.93"}],
        },
    ],
    "waivers": [],
    "rollback": ["switch_off"],
    "requester": "quinn",
    "involved": [{"id": 1, "name": "quinn", "ties": ["requester"]}],
}
NAMES = {"e1": "Safety of March", "e2": "Benchmark of March", "e3": "Safety of May"}


def at(path, value):
    """Return a step that puts `value` at `path` of a document."""

    def step(document):
        for key in path[:-1]:
            document = document[key]
        document[path[-1]] = value

    return step


def appended(path, value):
    """Return a step that adds `value` to the list at `path`."""

    def step(document):
        for key in path:
            document = document[key]
        document.append(value)

    return step


def removed(path):
    """Return a step that takes out what is at `path`."""

    def step(document):
        for key in path[:-1]:
            document = document[key]
        del document[path[-1]]

    return step


REGULATED = {"gate": "regulated", "number": 1, "digest": "sha256:g"}
SAFETY = ("rests_on", 0, "evidence")
OTHER_DEMAND = {
    "metric": 5,
    "name": "suite v1 loss",
    "threshold": "2.50",
    "higher_is_better": False,
}
RECALL = "suite v1 recall at least"

CASES = [
    (at(["submission"], 2), "changed", "It was submitted anew, as submission 2."),
    (at(["release", "digest"], "sha256:x"), "changed", "The release was sha256:r and is sha256:x."),
    (
        at(["environment", "stage"], "regulated"),
        "changed",
        "The environment's stage gate was production and is regulated.",
    ),
    (
        at(["environment", "jurisdiction"], "UK"),
        "changed",
        "The environment's jurisdiction was EU and is UK.",
    ),
    (
        at(["environment", "regions"], ["eu-central", "eu-west"]),
        "added",
        "The environment spans eu-west as well.",
    ),
    (at(["environment", "regions"], []), "removed", "The environment left eu-central."),
    (
        at(["use_case", "risk_tier"], "high"),
        "changed",
        "The use case's risk tier was limited and is high.",
    ),
    (
        at(["use_case", "data_classification"], "restricted"),
        "changed",
        "The use case's data classification was internal and is restricted.",
    ),
    (
        at(["gate", "effective"], "regulated"),
        "changed",
        "The effective gate was production and is regulated.",
    ),
    (
        at(["gate", "versions", 1], {"gate": "production", "number": 2, "digest": "sha256:q"}),
        "changed",
        "The production gate went from version 1 to 2.",
    ),
    (appended(["gate", "versions"], REGULATED), "added", "The regulated gate applies as well."),
    (removed(["gate", "versions", 1]), "removed", "The production gate no longer applies."),
    (
        appended(["gate", "slots"], "privacy_officer:1"),
        "added",
        "A sign-off by a privacy officer is wanted as well.",
    ),
    (
        removed(["gate", "slots", 1]),
        "removed",
        "A sign-off by a risk owner is no longer wanted.",
    ),
    (
        appended(["endpoints"], {"slug": "ams-1", "digest": "sha256:c"}),
        "added",
        "Endpoint ams-1 is asked for as well.",
    ),
    (removed(["endpoints", 1]), "removed", "Endpoint par-1 is no longer asked for."),
    (at(["endpoints", 0, "digest"], "sha256:z"), "changed", "Endpoint fra-1 changed."),
    (
        at(["demands", 0, "threshold"], "0.950000"),
        "changed",
        f"The use case demanded {RECALL} 0.9 and demands {RECALL} 0.95.",
    ),
    (
        appended(["demands"], OTHER_DEMAND),
        "added",
        "The use case demands suite v1 loss at most 2.5 as well.",
    ),
    (
        at(["demands"], []),
        "removed",
        f"The use case no longer demands {RECALL} 0.9.",
    ),
    (
        appended([*SAFETY], {"id": "e3", "digest": "sha256:3", "holds_until": "2027-05-01"}),
        "added",
        "It rests on the evidence “Safety of May” as well.",
    ),
    (
        removed([*SAFETY, 0]),
        "removed",
        "It no longer rests on the evidence “Safety of March”.",
    ),
    (
        at([*SAFETY, 0, "holds_until"], "2026-12-31"),
        "changed",
        "The evidence “Safety of March” counts until another time.",
    ),
    (
        at(["rests_on", 1, "scores", 0], {"run": 12, "metric": 4, "text": "0.97"}),
        "changed",
        "suite v1 recall was 0.93 by run 11 and is 0.97 by run 12.",
    ),
    (
        at(["rests_on", 1, "scores"], []),
        "removed",
        "suite v1 recall by run 11 no longer counts.",
    ),
    (
        appended(["rests_on"], {"requirement": "production.new", "evidence": [], "scores": []}),
        "added",
        "The requirement production.new applies as well.",
    ),
    (at(["effective_policy"], "sha256:f"), "changed", "The policy in force changed."),
    (
        at(["waivers"], [{"id": 3, "requirement": "sandbox.safety_checks"}]),
        "added",
        "Waiver 3 stands in for sandbox.safety_checks.",
    ),
    (at(["rollback"], ["sha256:q"]), "changed", "What is put back on a rollback changed."),
    (
        appended(["involved"], {"id": 2, "name": "evan", "ties": ["gave_evidence"]}),
        "added",
        "evan had a hand in it since.",
    ),
    (at(["involved"], []), "removed", "quinn no longer has a hand in it."),
    (
        at(["involved", 0, "ties"], ["requester", "made_release"]),
        "changed",
        "quinn had another hand in it.",
    ),
    # A field that nobody thought of still explains that the digest is another one.
    (at(["requester"], "evan"), "changed", "The package was made anew."),
]


@pytest.mark.parametrize(
    ("step", "state", "sentence"), CASES, ids=[case[-1][:60] for case in CASES]
)
def test_one_change_is_one_difference_in_words(step, state, sentence):
    after = deepcopy(DOCUMENT)
    step(after)
    found = differences(DOCUMENT, after, NAMES.__getitem__)
    assert [(one.state, one.sentence) for one in found] == [(state, sentence)]


def test_equal_packages_do_not_differ():
    assert differences(DOCUMENT, deepcopy(DOCUMENT)) == []


def test_a_first_score_is_told():
    before = deepcopy(DOCUMENT)
    before["rests_on"][1]["scores"] = []
    (found,) = differences(before, DOCUMENT)
    assert (found.state, found.sentence) == ("added", "suite v1 recall is 0.93 by run 11.")


def test_several_changes_are_all_told():
    after = deepcopy(DOCUMENT)
    for step, _, _ in CASES[:2]:
        step(after)
    assert len(differences(DOCUMENT, after)) == 2
