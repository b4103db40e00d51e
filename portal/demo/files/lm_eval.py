"""Results of lm-evaluation-harness, as `lm_eval --output_path` writes them (0.4 series)."""

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from portal.demo.files import Figure, Made, steady

VERSION = "0.4.13"


@dataclass(frozen=True)
class Share:
    """A metric that is a share of its samples: metric of ours, its key there, right of count."""

    metric: str
    key: str  # "pass@1,create_test"
    right: int
    count: int


def results(
    *,
    task: str,
    shares: tuple[Share, ...],
    model: str,
    base_url: str,
    at: datetime,
    output_type: str = "generate_until",
    shots: int = 0,
    dataset: str = "json",
) -> Made:
    """Return a results file for one task measured on a served model, and its figures."""
    count = shares[0].count
    row: dict = {"alias": task, "name": task, "sample_len": count}
    figures = []
    for share in shares:
        name, _, kept = share.key.partition(",")
        value, stderr = share.right / share.count, steady.mean_stderr(share.right, share.count)
        row |= {share.key: value, f"{name}_stderr,{kept}": stderr}
        figures.append(Figure(share.metric, repr(value), repr(stderr), share.count))
    names = [share.key.partition(",")[0] for share in shares]
    seconds = steady.number(f"{task} {model}", 400, 1900) + 0.482713
    document = {
        "results": {task: row},
        "group_subtasks": {task: []},
        "configs": {
            task: {
                "task": task,
                "dataset_path": dataset,
                "test_split": "test",
                "num_fewshot": shots,
                "metric_list": [
                    {"metric": name, "aggregation": "mean", "higher_is_better": True}
                    for name in names
                ],
                "output_type": output_type,
                "generation_kwargs": {"do_sample": False, "max_gen_toks": 1024, "until": []},
                "repeats": 1,
                "should_decontaminate": False,
                "metadata": {"version": 1.0},
            }
        },
        "versions": {task: 1.0},
        "n-shot": {task: shots},
        "higher_is_better": {task: dict.fromkeys(names, True)},
        "n-samples": {task: {"original": count, "effective": count}},
        "config": {
            "model": "local-chat-completions",
            "model_args": {"model": model, "base_url": base_url, "num_concurrent": 4},
            "batch_size": 1,
            "batch_sizes": [],
            "device": None,
            "use_cache": None,
            "limit": None,
            "bootstrap_iters": 100000,
            "gen_kwargs": {"temperature": 0},
            "random_seed": 0,
            "numpy_seed": 1234,
            "torch_seed": 1234,
            "fewshot_seed": 1234,
        },
        "git_hash": None,
        "date": at.timestamp(),
        "pretty_env_info": "N/A (torch not installed)",
        "transformers_version": "N/A",
        "lm_eval_version": VERSION,
        "upper_git_hash": None,
        "task_hashes": {task: sha256(f"{task} {count}".encode()).hexdigest()},
        "model_source": "local-chat-completions",
        "model_name": model,
        "model_name_sanitized": model.replace("/", "__"),
        "system_instruction": None,
        "chat_template": None,
        "start_time": 1000.0,
        "end_time": 1000.0 + seconds,
        "total_evaluation_time_seconds": str(seconds),
    }
    name = f"results_{at:%Y-%m-%dT%H-%M-%S}.json"
    return Made(name, steady.as_json(document), tuple(figures), f"lm_eval {VERSION}, {task}")
