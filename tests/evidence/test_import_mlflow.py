"""An MLflow registry: its saved answers, and a small server that gives them page by page."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import StringIO
from urllib.parse import parse_qs, urlsplit

import pytest
from django.core.management import CommandError, call_command

from audit.models import Head
from audit.refusals import NotUnderstood
from evidence.imports import mlflow
from evidence.imports.mlflow_server import LARGEST_ANSWER, Server
from evidence.imports.reading import json_of
from registry.models import ModelVersion, RegisteredModel
from registry.roles import Role
from tests import make


@pytest.fixture
def answers(shared):
    folder = shared / "data" / "mlflow"
    return {path.stem: json.loads(path.read_bytes()) for path in folder.glob("*.json")}


@pytest.fixture
def read(shared):
    """The same, as the command reads them: figures keep their spelling."""
    folder = shared / "data" / "mlflow"
    return {
        path.stem: json_of(path.read_bytes(), name=path.name, limit=LARGEST_ANSWER)
        for path in folder.glob("*.json")
    }


# --- What the answers say ------------------------------------------------------------------------


def test_lists_of_pairs_and_what_is_left_out(read):
    router, empty = read["registered_models_search_page1"]["registered_models"]
    assert mlflow.pairs(router["tags"]) == {"risk_tier": "high", "owner": "claims-ml"}
    assert mlflow.pairs(router["aliases"], "alias") == {"champion": "1", "challenger": "2"}
    said = mlflow.read([empty], [], source="x")
    assert (said.models[0].name, said.models[0].description) == ("empty-model", "")


def test_all_versions_with_their_tags(read):
    versions = read["model_versions_search"]["model_versions"]
    model = read["registered_model_get"]["registered_model"]
    runs = read["runs_search"]["runs"]
    said = mlflow.read([model], versions, runs, source="x").models[0]
    assert [version.name for version in said.versions] == ["2", "1"]
    second, first = said.versions
    assert first.details["tags"]["validation_status"] == "approved"
    assert second.details["tags"]["validation_status"] == "pending"
    assert first.identifier == "models:/claims-triage-router/1"
    assert first.runs[0].suite == "xgb-baseline" and second.runs[0].suite == "llm-router-v2"


def test_runs_keep_the_last_figure_and_leave_out_what_is_none(read):
    warnings: list[str] = []
    found = {
        run["info"]["run_name"]: mlflow.read_run(run, warnings)
        for run in read["runs_search"]["runs"]
    }
    assert len(found) == 4
    figures = {
        (name, score.metric): score.text
        for name, run in found.items()
        if run
        for score in run.scores
    }
    assert figures["xgb-baseline", "eval/accuracy"] == "0.8731"
    assert figures["xgb-baseline", "eval/auc"] == "0.9317"
    assert figures["xgb-baseline", "loss"] == "0.37"
    assert figures["llm-router-v2", "answer_correctness/v1/mean"] == "4.31"
    assert figures["llm-router-v2", "exact_match/v1"] == "0.762"
    assert figures["router-v2-holdout", "accuracy_score"] == "0.9083333333333333"
    assert ("router-v2-holdout", "example_count") not in figures
    named = [dataset["name"] for dataset in found["router-v2-holdout"].config["datasets"]]
    assert "claims-holdout-2026q3" in named
    assert found["policy-qa-exact"] is None
    assert warnings == ["The run policy-qa-exact has the status FAILED; its figures are left out."]


def test_a_run_keeps_the_value_of_the_last_step(read):
    history = [(point["step"], str(point["value"])) for point in read["metric_history"]["metrics"]]
    assert history == [(0, "0.61"), (1, "0.42"), (2, "0.37")]
    runs = {run["info"]["run_name"]: run for run in read["runs_search"]["runs"]}
    kept = mlflow.read_run(runs["xgb-baseline"], [])
    assert {score.metric: score.text for score in kept.scores}["loss"] == history[-1][1]


# --- What becomes of them ------------------------------------------------------------------------


@pytest.fixture
def importer(db):
    return make.make_person("ines", Role.REGISTRAR, team=make.make_team("claims"))


def run(*options):
    out = StringIO()
    call_command("import_mlflow", "--team", "claims", "--as", "ines", *options, stdout=out)
    return out.getvalue()


def head():
    row = Head.objects.get()
    return row.position, row.size


def saved(shared, *names):
    return ["--from-files", *(str(shared / "data" / "mlflow" / f"{name}.json") for name in names)]


ALL = ("registered_models_search_page1", "model_versions_search", "runs_search")


def test_saved_answers_come_in_and_say_that_a_page_is_missing(importer, shared):
    before = head()
    plan = json.loads(run(*saved(shared, *ALL), "--plan", "--json"))
    assert head() == before
    assert plan["counts"] == {"create": 4, "change": 0, "link": 0, "skip": 3, "conflict": 0}
    assert "one page of several" in plan["warnings"][0]
    run(*saved(shared, *ALL))
    assert head()[0] == before[0] + 1
    assert set(RegisteredModel.objects.values_list("slug", flat=True)) == {
        "claims-triage-router",
        "empty-model",
    }
    router = RegisteredModel.objects.get(slug="claims-triage-router")
    assert "MLflow aliases: challenger → 2, champion → 1." in router.description
    assert "MLflow tags of version 1: framework xgboost" in router.description
    assert set(router.versions.values_list("version", flat=True)) == {"1", "2"}
    before = head()
    assert "Nothing has changed" in run(*saved(shared, *ALL))
    assert head() == before


def test_an_alias_that_moved_follows(importer, shared, answers, tmp_path):
    run(*saved(shared, *ALL))
    page = answers["registered_models_search_page1"]
    page["registered_models"][0]["aliases"] = [{"alias": "champion", "version": "2"}]
    path = tmp_path / "models.json"
    path.write_text(json.dumps(page))
    versions = str(shared / "data" / "mlflow" / "model_versions_search.json")
    run("--from-files", str(path), versions)
    router = RegisteredModel.objects.get(slug="claims-triage-router")
    assert "MLflow aliases: champion → 2." in router.description
    assert router.history.count() == 2


def test_a_saved_answer_that_is_no_json_is_named(importer, tmp_path):
    path = tmp_path / "models.json"
    for text, says in (
        ('{"a": 1,}', "line 1, column 9"),
        ('{"a": NaN}', "not a number"),
        ('{"a": 1, "a": 2}', "stands twice"),
        ('{"a": "\\u0000"}', "cannot be kept"),
        ("[" * 40 + "]" * 40, "more than 32 levels"),
        ("[" * 200_000, "nested too deeply"),
        ('{"a": 9007199254740993}', "beyond 2\\^53"),
        ("[1]", "not a JSON object"),
        ("{}", "No file holds a registered model"),
    ):
        path.write_text(text)
        with pytest.raises(CommandError, match=says):
            run("--from-files", str(path))


# --- A server ------------------------------------------------------------------------------------


@pytest.fixture
def server(answers):
    """A server that gives one row a page; `asked` lists the paths and tokens it was asked for."""
    models = [
        *answers["registered_models_search_page1"]["registered_models"],
        {"name": "later-model"},
    ]
    versions = answers["model_versions_search"]["model_versions"]
    runs = {run["info"]["run_id"]: run for run in answers["runs_search"]["runs"]}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            parts = urlsplit(self.path)
            query = {key: value[0] for key, value in parse_qs(parts.query).items()}
            call = parts.path.removeprefix("/api/2.0/mlflow/")
            Handler.asked.append((call, query.get("page_token", "")))
            if Handler.elsewhere:
                self.send_response(302)
                self.send_header("Location", Handler.elsewhere)
                self.end_headers()
                return
            if call == "runs/get":
                answer = {"run": runs[query["run_id"]]}
            else:
                key, rows = {
                    "registered-models/search": ("registered_models", models),
                    "model-versions/search": ("model_versions", versions),
                }[call]
                at = int(query.get("page_token", "0"))
                answer = {key: rows[at : at + 1]}
                if Handler.endless or at + 1 < len(rows):
                    answer["next_page_token"] = "0" if Handler.endless else str(at + 1)
            body = json.dumps(answer).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            """Say nothing: what was asked is in `asked`."""

    Handler.asked, Handler.elsewhere, Handler.endless = [], "", False
    made = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=made.serve_forever, daemon=True)
    thread.start()
    made.url, made.handler = f"http://127.0.0.1:{made.server_port}", Handler
    yield made
    made.shutdown()
    made.server_close()
    thread.join()


def test_every_page_of_a_server_is_followed(importer, server):
    run("--server", server.url)
    assert server.handler.asked[:3] == [
        ("registered-models/search", ""),
        ("registered-models/search", "1"),
        ("registered-models/search", "2"),
    ]
    assert RegisteredModel.objects.count() == 3 and ModelVersion.objects.count() == 2
    before = head()
    assert "Nothing has changed" in run("--server", f"{server.url}/")
    assert head() == before
    assert server.url in RegisteredModel.objects.first().history.first().history_change_reason


def test_a_server_that_sends_elsewhere_is_not_followed(importer, server):
    server.handler.elsewhere = "http://169.254.169.254/latest/"
    with pytest.raises(CommandError, match="sends elsewhere"):
        run("--server", server.url)
    assert len(server.handler.asked) == 1 and not RegisteredModel.objects.exists()


def test_a_server_that_never_ends_is_left(importer, server):
    server.handler.endless = True
    with pytest.raises(CommandError, match="the same page"):
        run("--server", server.url)


def test_a_server_that_is_not_there_says_so(importer):
    with pytest.raises(CommandError, match="does not answer"):
        run("--server", "http://127.0.0.1:9")


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "ftp://x", "https://", "http://a:b@x", "http://x?y=1", "x"]
)
def test_only_plain_addresses_are_called(url):
    with pytest.raises(NotUnderstood):
        Server(url)
