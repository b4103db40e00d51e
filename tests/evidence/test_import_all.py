"""Every sample file by every command: a plan that writes nothing, one change, then nothing new."""

import json
from io import StringIO

import pytest
from django.core.management import call_command

from audit.models import Change, Head
from registry.models import ModelVersion, RegisteredModel
from registry.roles import Role
from tests import make

MLFLOW = (
    "registered_models_search_page1.json",
    "model_versions_search.json",
    "runs_search.json",
)
FILES = [
    ("import_model_card", ("model_cards/spacy__en_core_web_sm.md",), 1),
    ("import_model_card", ("model_cards/philschmid__distilroberta-base-ner-conll2003.md",), 1),
    ("import_model_card", ("model_cards/BEE-spoke-data__smol_llama-220M-GQA.md",), 1),
    ("import_model_card", ("model_cards/hub_fixture_simple_model_index.md",), 1),
    ("import_model_card", ("model_cards/example-org__claims-triage-router.md",), 1),
    ("import_cyclonedx", ("cyclonedx/ml-model-handoff_1.6.json",), 1),
    ("import_cyclonedx", ("cyclonedx/model-card-with-dataset_1.7.json",), 1),
    ("import_cyclonedx", ("cyclonedx/valid-machine-learning-considerations-env-1.6.json",), 1),
    ("import_mlflow", tuple(f"mlflow/{name}" for name in MLFLOW), 2),
    ("import_mlflow", ("mlflow/registered_model_get.json", "mlflow/model_versions_search.json"), 2),
]
MADE = {"import_mlflow": "MLflow", "import_cyclonedx": "CycloneDX file"}


def head():
    row = Head.objects.get()
    return row.position, row.size


@pytest.mark.django_db
@pytest.mark.parametrize(("command", "names", "versions"), FILES)
def test_a_plan_then_one_change_that_names_its_source_then_nothing(
    shared, command, names, versions
):
    make.make_person("ines", Role.REGISTRAR, team=make.make_team("claims"))
    paths = [str(shared / "data" / name) for name in names]
    files = ["--from-files", *paths] if command == "import_mlflow" else paths

    def run(*options):
        out = StringIO()
        call_command(command, *files, "--team", "claims", "--as", "ines", *options, stdout=out)
        return out.getvalue()

    before = head()
    plan = json.loads(run("--plan", "--json"))
    assert head() == before and not RegisteredModel.objects.exists()
    assert plan["counts"]["create"] and set(plan["counts"]) == {
        "create",
        "change",
        "link",
        "skip",
        "conflict",
    }
    done = json.loads(run("--json"))
    assert (done["steps"], done["digest"]) == (plan["steps"], plan["digest"])
    assert head()[0] == before[0] + 1
    reason = Change.objects.order_by("-number").first().reason
    assert f"[Import of {MADE.get(command, 'model card')}" in reason
    for path in paths:
        assert f"{path.rpartition('/')[2]} (sha256:" in reason
    assert ModelVersion.objects.count() == versions
    after = head()
    assert "Nothing has changed" in run()
    assert head() == after
