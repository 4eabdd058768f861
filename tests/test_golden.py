"""Golden bytes: what the stages write today they write after any refactoring, to the byte.

Runs and scores depend on torch, the packages behind the metrics and the CPU: tests/golden/hashes.json
holds their SHA-256 by these, and a machine without an entry skips. `python tests/test_golden.py --record` adds or
renews this machine's entry; do so only at a commit whose bytes are meant. Histories gained columns since the other
entries were recorded, so that these hold none; snapshots and scores kept their bytes. The comparison is of made-up
scores, the same on every machine, and tests/golden/comparison.json is all of it.

Only the scripts in pipeline/ and the files they write are named here, and of the package what a label of scores holds.
"""

import csv
import hashlib
import json
import re
import shutil
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

import pytest
import torch

sys.path.append(str(Path(__file__).parent / "helpers"))  # to record; pytest has it there already
import toy_study

GOLDEN = Path(__file__).parent / "golden"
HASHES, COMPARISON, MADE_UP = GOLDEN / "hashes.json", GOLDEN / "comparison.json", GOLDEN / "study"
VARIANTS = ("gan", "wgan", "wgan_gp", "iterative", "iterative_alpha", "iterative_weight")
# Values of the images in all batches of a run: 245,760 and 3,145,728, below and above what tracing is worth.
ENGINES = {"eager": {"batch_size": 64, "updates": 60}, "traced": {"batch_size": 512, "updates": 96}}
ARTIFACTS = ("history", "snapshots", "scores")
PACKAGES = ("POT", "numpy", "scikit-learn", "scipy")  # that metrics are computed with, beside torch
# Of two CPUs of one instruction-set level and torch version other bytes were seen: the model is part of the key.
MODEL = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text(encoding="utf-8"))
MACHINE = f"{torch.__version__} {torch.backends.cpu.get_cpu_capability()}, {MODEL[1] if MODEL else 'unknown CPU'}"
INSTALLED = ", ".join(f"{name} {version(name)}" for name in PACKAGES)

DIGITS = {
    "data": {"source": "digits", "image_size": 8, "holdout": 497, "split_seed": 0},
    "networks": {"latent": {"dim": 4}, "G": {"width": 4}, "D": {"width": 4, "hidden": 8}},
    "train": {
        "updates": 60, "batch_size": 64, "ema_decay": 0.9, "precision": "float32",
        "log_every": 4, "checkpoint_every": 25, "grid_ratio": 1.5, "sample_grids": 3,
    },
    "features": {
        "dim": 8, "width": 8, "epochs": 2, "batch_size": 64, "learning_rate": 4e-3, "min_accuracy": 0.2, "seed": 0,
        "second_seed": 1,
    },
    "evaluate": {"samples": 400},
    "threshold": {"tau25": 30.0, "tau": 20.0, "tau75": 10.0, "tau_second": 20.0},
}  # fmt: skip
EVALUATE = {
    "split": "test", "seed": 0, "full_snapshots": 2, "neighbours": 5, "manifold_samples": 200, "kid_subsets": 3,
    "kid_subset_size": 100, "sliced_projections": 8, "transport_samples": 100, "mode_min_count": 10, "confidence": 0.9,
}  # fmt: skip

# The networks of DIGITS with all their defaults, as the label of a run's scores has them.
RESOLVED = {
    "latent": {"dim": 4, "law": "normal"},
    "G": {
        "width": 4, "body": "dcgan", "depth": 2, "act": "relu", "norm": "batch", "norm_at": "before", "dropout": 0.0,
        "output": "tanh",
    },
    "D": {
        "width": 4, "hidden": 8, "body": "dcgan", "depth": 2, "act": "leaky", "norm": "none", "norm_at": "before",
        "dropout": 0.0, "down": "stride", "output": "none",
    },
    "init": {"normal": 0.02}, "range": "signed", "labels": "none",
}  # fmt: skip


@pytest.fixture(scope="module")
def golden() -> dict:
    """Engine → variant → artifact → SHA-256, as recorded for this machine."""
    entry = json.loads(HASHES.read_text(encoding="utf-8")).get(MACHINE, {}).get(INSTALLED)
    if entry is None:
        pytest.skip(f"{HASHES.name} has no entry for torch {MACHINE} with {INSTALLED}; --record adds one")
    return entry


@pytest.fixture(scope="module")
def found(golden, tmp_path_factory) -> dict:
    """Engine → variant → artifact → SHA-256, as the code is now."""
    return computed(tmp_path_factory.mktemp("golden") / "study")


@pytest.mark.slow
@pytest.mark.timeout(900)  # a minute on an idle core; the first of them trains everything
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("variant", VARIANTS)
def test_runs_and_scores_keep_their_bytes(engine, variant, golden, found):
    recorded, now = golden[engine][variant], found[engine][variant]
    assert recorded.keys() | {"history"} == now.keys() == set(ARTIFACTS)
    changed = [artifact for artifact in recorded if recorded[artifact] != now[artifact]]
    assert not changed, f"{variant}, {engine} engine: other bytes in {', '.join(changed)}"


def test_every_variant_engine_and_artifact_has_bytes_of_its_own():
    """No two of the digests are equal: none is that of an empty file or of another variant's run."""
    for machine in json.loads(HASHES.read_text(encoding="utf-8")).values():
        for recorded in machine.values():
            digests = [digest for e in ENGINES for v in VARIANTS for digest in recorded[e][v].values()]
            assert len(digests) == len(set(digests)) and len(digests) in (2 * 6 * 2, 2 * 6 * 3)


def test_the_comparison_of_made_up_scores_keeps_its_bytes(tmp_path):
    study = toy_study.new_study(tmp_path / "study", git=False)
    write_made_up(study)
    study.run(sys.executable, "pipeline/compare.py", "digits")
    now, recorded = study.root / "artifacts" / "comparison" / "digits.json", COMPARISON
    assert now.read_text(encoding="utf-8") == recorded.read_text(encoding="utf-8")  # pytest shows the lines that differ
    assert now.read_bytes() == recorded.read_bytes()


def test_the_golden_comparison_has_every_kind_of_verdict():
    rows = [r for r in read_json(COMPARISON)["comparisons"] if r["planned"] and r["sentence"]]
    verdicts = {(r["new"], r["reference"]): r["verdict"] for r in rows}
    assert verdicts == {
        ("iterative", "wgan_gp"): "FASTER",
        ("wgan", "wgan_gp"): "EQUIVALENT",
        ("wgan", "iterative"): "SLOWER, GUARD FAILED: coverage",
        ("gan", "wgan_gp"): "NO EVIDENCE",
        ("iterative_alpha", "wgan_gp"): None,  # untuned
    }


def computed(root: Path) -> dict:
    """Train and score every variant by either engine in a new study at `root`; the digests of what was written."""
    study, digests = toy_study.new_study(root, git=False), {}
    study.edit(small)
    study.stages("prepare.py digits", "features.py digits")
    for engine, sizes in ENGINES.items():
        study.edit(lambda document, sizes=sizes: document["datasets"]["digits"]["train"].update(sizes))
        study.stages(*(f"{stage}.py digits {variant}" for variant in VARIANTS for stage in ("train", "evaluate")))
        digests[engine] = {variant: digests_of(study.root / "artifacts", engine, variant) for variant in VARIANTS}
    return digests


def small(document) -> None:
    """The shipped variants with one seed, tiny networks and few samples; nothing is left to the presets' values."""
    document["compare"] = {"datasets": ["digits"], "variants": list(VARIANTS), "seeds": [0]}
    document["datasets"] = {"digits": DIGITS}
    document["evaluate"] = EVALUATE


def digests_of(artifacts: Path, engine: str, variant: str) -> dict[str, str]:
    """Artifact → SHA-256 of a finished run and its scores, after it was made sure which engine it comes from."""
    run, scores = artifacts / "runs" / "digits" / variant / "seed-0", artifacts / "scores" / "digits" / variant
    record, snapshots = read_json(run / "run.json"), sorted((run / "snapshots").glob("*.safetensors"))
    assert record["engine"].split(",")[0] == engine and record["status"] == "completed", (variant, record)
    assert len(snapshots) > 8 and snapshots[-1].stem == f"{ENGINES[engine]['updates']:07}"
    listed = "".join(f"{path.name} {sha256(path)}\n" for path in snapshots)
    return {
        "history": sha256(run / "history.csv"),
        "snapshots": hashlib.sha256(listed.encode()).hexdigest(),
        "scores": sha256(scores / "seed-0.csv"),
    }


def write_made_up(study: toy_study.Study) -> None:
    """Params and every file that stage `compare` reads, from tests/golden/study/."""
    made_up = read_json(MADE_UP / "study.json")
    train = DIGITS["train"] | {key: made_up["run"][key] for key in ("updates", "batch_size", "grid_ratio")}

    def change(document) -> None:
        document["compare"] = made_up["compare"]
        document["datasets"] = {"digits": DIGITS | {"threshold": made_up["threshold"], "train": train}}
        document["variants"].update(made_up["variants"])
        document["evaluate"] = EVALUATE
        document["protocol"].update(made_up["protocol"])

    study.edit(change)
    for name, place in {
        "calibration.csv": "artifacts/calibration/digits.csv",
        "timing.json": "artifacts/timing/digits.json",
        "preregistration.json": "preregistration/digits.json",
        "tuning.json": "preregistration/digits-tuning.json",
    }.items():
        (study.root / place).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(MADE_UP / name, study.root / place)
    print_hash = "from ganspeed.scoring.sources import metric_sha256; print(metric_sha256())"
    sources = study.run(sys.executable, "-c", print_hash).stdout.strip()
    label = {
        "fingerprint": "of made-up scores",
        "evaluate": EVALUATE,
        "metric_sha256": sources,
        "samples": DIGITS["evaluate"]["samples"],
        "split": "test",
    }
    for variant, block in made_up["variants"].items():
        for seed in made_up["compare"]["seeds"]:
            folder = study.root / "artifacts" / "scores" / "digits" / variant
            parameters = {"data": DIGITS["data"], "networks": RESOLVED, "train": train, "variant": block}
            run = made_up["run"] | {"n_critic": block["n_critic"], "variant": block, "parameters": parameters}
            write_scores(folder, seed, label, run)


def write_scores(folder: Path, seed: int, label: dict, facts: dict) -> None:
    """The tidy table of one run and its label; a run that ends before its time has diverged."""
    folder.mkdir(parents=True, exist_ok=True)
    variant, table = folder.name, folder / f"seed-{seed}.csv"
    with (MADE_UP / "scores.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if (row["variant"], row["seed"]) == (variant, str(seed))]
    lines = ["dataset,variant,seed,update,metric,value"]
    for row in rows:
        values = {metric: row[metric] for metric in ("cfid", "cfid_second", "coverage") if row[metric]}
        lines += [f"digits,{variant},{seed},{row['update']},{metric},{value}" for metric, value in values.items()]
    table.write_text("\n".join(lines) + "\n", encoding="utf-8")
    last = int(rows[-1]["update"])
    ended = ("completed", None) if last == facts["updates"] else ("diverged", last + 1)
    run = {**facts, "seed": seed, "status": ended[0], "diverged_at": ended[1]}
    table.with_suffix(".json").write_text(json.dumps({**label, "sha256": sha256(table), "run": run}), encoding="utf-8")


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def read_json(path: Path):
    return json.loads(path.read_text(encoding="utf-8"))


def record() -> None:
    """Write the digests of the code as it is now into hashes.json, under this machine."""
    entries = read_json(HASHES) if HASHES.exists() else {}
    with tempfile.TemporaryDirectory() as folder:
        entries.setdefault(MACHINE, {})[INSTALLED] = computed(Path(folder) / "study")
    HASHES.write_text(json.dumps(entries, indent=2, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    if sys.argv[1:] != ["--record"]:
        sys.exit("python tests/test_golden.py --record")
    record()
