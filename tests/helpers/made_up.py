"""A small, complete study of made-up numbers in the output contract's files, for tests that read results."""

import hashlib
import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image
from ruamel.yaml import YAML

from ganspeed.compare.compare import Clock, compare_runs
from ganspeed.compare.records import Preregistration, StudyRecords, TuningRecord
from ganspeed.compare.times import curves_of
from ganspeed.params.blocks import Params
from ganspeed.params.load import load_params
from ganspeed.params.networks import Networks, merged, resolved
from ganspeed.params.variants import parse_variant
from ganspeed.scoring.sources import metric_sha256
from ganspeed.source_files import HASHES
from ganspeed.system.files import sha256_json
from ganspeed.types import RunFacts
from ganspeed.workspace import Workspace

SNAPSHOTS = (0, 3, 5, 8, 12, 18, 27, 40, 50, 60, 70, 80, 90, 100, 110, 120)
FULL = (5, 18, 50, 80, 110, 120)  # snapshots with every metric
MOMENTS = (0, 5, 18, 40, 60, 80, 100, 120)  # snapshots with a picture of samples
DIVERGED_AT = 73
FLOOR, PIXEL_GAUSSIAN = 1.25, 41.5
ADAM = {"name": "adam", "lr_g": 1e-3, "lr_d": 1e-3, "betas": [0.0, 0.9]}
VARIANTS = {
    "gan": {"objective": "gan", "n_critic": 1, "saturating": False, "optimizer": ADAM},
    "wgan_gp": {"objective": "wgan_gp", "n_critic": 5, "lambda_gp": 10.0, "optimizer": ADAM},
    "iterative": {
        "objective": "iterative_penalty",
        "n_critic": 5,
        "alpha": "iterative",
        "weight": "iterative",
        "lambda_0": 10.0,
        "p": 2.0,
        "beta": 0.99,
        "warmup": 100,
        "optimizer": ADAM,
    },
}
VARIANTS = {name: parse_variant(block).resolved() for name, block in VARIANTS.items()}  # as run.json holds them
DATASET = {
    "data": {"source": "digits", "image_size": 8, "holdout": 497, "split_seed": 0},
    "networks": {"latent": {"dim": 32}, "G": {"width": 16}, "D": {"width": 16, "hidden": 0}},
    "train": {
        "updates": SNAPSHOTS[-1],
        "batch_size": 64,
        "ema_decay": 0.0,
        "precision": "float32",
        "log_every": 10,
        "checkpoint_every": 50,
        "grid_ratio": 1.1,
        "sample_grids": len(MOMENTS),
    },
    "features": {
        "dim": 32,
        "width": 32,
        "epochs": 2,
        "batch_size": 64,
        "learning_rate": 2e-3,
        "min_accuracy": 0.95,
        "seed": 0,
        "second_seed": 1,
    },
    "evaluate": {"samples": 1000},
    "threshold": {"tau25": 90.0, "tau": 30.0, "tau75": 8.0, "tau_second": 30.0},
}
NETWORKS = Networks.model_validate(DATASET["networks"])
WEIGHTS = {"G": 5000, "D": 3000}  # of every run
REFERENCE = "wgan_gp"
EVALUATE = {
    "split": "test",
    "seed": 0,
    "full_snapshots": 5,
    "neighbours": 5,
    "manifold_samples": 1000,
    "kid_subsets": 10,
    "kid_subset_size": 100,
    "sliced_projections": 128,
    "transport_samples": 1000,
    "mode_min_count": 10,
    "confidence": 0.9,
}
PROTOCOL = {
    "axis": "updates",
    "consecutive": 3,
    "references": [REFERENCE],
    "margin": 1.25,
    "max_coverage_drop": 0.02,
    "max_extra_failures": 1,
    "equivalence": [0.8, 1.25],
    "timing": {"repeats": 0, "updates": 50},
}
IN_LABELS = ("seed", "parameters", "sources")  # of a run's identity
GUARDS = ("consecutive", "equivalence", "margin", "max_coverage_drop", "max_extra_failures")
TUNING = {
    "dataset": "digits",
    "budget": {"trials": 8, "seeds": [900, 901], "updates": 40, "split": "val"},
    "metric_sha256": metric_sha256(),
    "chosen": VARIANTS,
    "trials": dict.fromkeys(VARIANTS, 8),
}


def write_study(
    root: Path,
    variants: tuple[str, ...] = tuple(VARIANTS),
    seeds: tuple[int, ...] = (0, 1, 2),
    diverged: tuple[tuple[str, int], ...] = (("gan", 2),),
    datasets: tuple[str, ...] = ("digits",),
    tau: float = 30.0,
    planned: tuple[tuple[str, str], ...] = (),
    seconds_per_update: dict[str, float] | None = None,
    duplicates: dict[str, int] | None = None,
    networks: dict[str, dict] | None = None,
) -> tuple[Workspace, Params]:
    """Write params.yaml and every artifact that the report reads. The same arguments give the same bytes.

    planned: (new, reference) of comparisons that get a verdict, the recipes of all variants being tuned and the design
    frozen then; seconds_per_update: what the clock found; duplicates: what the manifests say of copies; networks:
    variant → keys of the data set's networks that it overrides.
    """
    networks = networks or {}
    root.mkdir(parents=True, exist_ok=True)
    with (root / "params.yaml").open("w", encoding="utf-8") as file:
        YAML().dump(document(variants, seeds, datasets, tau, planned, networks), file)
    workspace = Workspace(root)
    study = load_params(workspace.params)
    frozen = preregistration(variants, seeds, tau, planned, networks)
    records = StudyRecords()
    tuning = TUNING | {"networks": {name: _blocks(name, networks)["networks"] for name in VARIANTS}}
    if planned:
        records = StudyRecords(Preregistration.from_json(frozen), TuningRecord.from_json(tuning))
    for dataset in datasets:
        scores, facts = [], {}
        if planned:
            _write_json(workspace.preregistration(dataset), frozen)
            _write_json(workspace.tuning_record(dataset), tuning)
        _write_json(
            workspace.timing(dataset),
            {"dataset": dataset, "repeats": 0, "updates": 50, "device": None, "fingerprints": {}}
            | {"seconds_per_update": seconds_per_update or {}},
        )
        for variant in variants:
            for seed in seeds:
                end = DIVERGED_AT if (variant, seed) in diverged else None
                facts[variant, seed] = RunFacts(**_facts(variant, end), parameters=_blocks(variant, networks))
                scores.append(_scores(dataset, variant, seed, end))
                _write_run(workspace, dataset, variant, seed, end, scores[-1], _blocks(variant, networks))
        runs, levels = curves_of(pd.concat(scores), facts), _calibration(dataset)
        threshold = study.dataset(dataset).threshold
        found = compare_runs(dataset, runs, threshold, study.protocol, levels, Clock(seconds_per_update or {}), records)
        _write_json(workspace.comparison(dataset), found.to_json())
        _write_csv(workspace.calibration(dataset), levels)
        _write_json(workspace.prepared(dataset) / "manifest.json", _manifest(dataset, duplicates))
        accuracy = {"task": "classes", "test_accuracy": 0.972, "val_accuracy": 0.968, "settings": DATASET["features"]}
        accuracy |= {"second_test_accuracy": 0.968, "second_val_accuracy": 0.97}
        _write_json(workspace.features(dataset) / "accuracy.json", accuracy)
    return workspace, study


def preregistration(variants, seeds, tau: float, planned, networks=None) -> dict:
    """The record of a study that is frozen as it is."""
    return {
        "pilot": {"variant": REFERENCE, "seeds": [800], "split": "val", "updates": 3 * SNAPSHOTS[-1]},
        "plateau": 60,
        "threshold": DATASET["threshold"] | {"tau": tau},
        "updates": SNAPSHOTS[-1],
        "axis": "updates",
        "data": DATASET["data"],
        "evaluate": EVALUATE | {"samples": DATASET["evaluate"]["samples"]},
        "features": DATASET["features"],
        "guards": {key: PROTOCOL[key] for key in GUARDS},
        "train": DATASET["train"],
        "networks": {name: _blocks(name, networks or {})["networks"] for name in variants},
        "variants": {name: VARIANTS[name] for name in variants},
        "planned": _plan(planned),
        "seed_offsets": dict.fromkeys(variants, 0),
        "seeds": list(seeds),
        "metric_sha256": metric_sha256(),
        "sd_log_time": 0.2,
        "power": {"ratio": 1.5, "n": 12, "power": 0.64},
        "reasons": [],
    }


def _plan(planned) -> list[dict]:
    return [{"new": new, "reference": reference} for new, reference in planned]


def _blocks(variant: str, networks: dict[str, dict]) -> dict[str, dict]:
    """The block `parameters` of run.json; networks: variant → keys that it overrides."""
    own = Networks.model_validate(merged(NETWORKS, networks.get(variant, {})))
    return {
        "data": DATASET["data"],
        "train": DATASET["train"],
        "networks": resolved(own, 8).model_dump(mode="json"),
        "latents": {"law": "normal", "dim": 32},
        "variant": VARIANTS[variant],
    }


def _facts(variant: str, end: int | None) -> dict:
    """The block `run` beside the scores of a run."""
    return {
        "status": "completed" if end is None else "diverged",
        "diverged_at": end,
        "device": "cpu (made up)",
        "engine": "eager",
        "precision": "float32",
        "versions": {"torch": "2.0"},
        "n_critic": VARIANTS[variant]["n_critic"],
        "variant": VARIANTS[variant],
        **{key: DATASET["train"][key] for key in ("updates", "batch_size", "grid_ratio")},
    }


def document(variants, seeds, datasets, tau: float = 30.0, planned=(), networks=None) -> dict:
    """What params.yaml holds."""
    return {
        "compare": {"datasets": list(datasets), "variants": list(variants), "seeds": list(seeds)},
        "datasets": dict.fromkeys(datasets, DATASET | {"threshold": DATASET["threshold"] | {"tau": tau}}),
        "variants": {n: b | ({"networks": networks[n]} if n in (networks or {}) else {}) for n, b in VARIANTS.items()},
        "evaluate": EVALUATE,
        "protocol": PROTOCOL | {"planned": _plan(planned)},
        "pilot": {"variant": REFERENCE, "seeds": [800], "length": 3},
        "tuning": {"trials": 1, "seeds": [900], "updates": 12, "seed": 0, "shared": {}, "arms": {}},
        "report": {
            "title": "A made-up study",
            "sample_columns": 4,
            "dpi": 60,
            "tail": 0.5,
            "stopping": {"skip": 1, "smooth": 2, "patience": 3, "min_delta": 0.01},
        },
    }


def _rng(*key: str | int) -> np.random.Generator:
    return np.random.default_rng(list(hashlib.sha256(repr(key).encode()).digest()))


def _scores(dataset: str, variant: str, seed: int, end: int | None) -> pd.DataFrame:
    rng, speed = _rng("scores", dataset, variant, seed), {"gan": 16.0, "wgan_gp": 22.0}.get(variant, 20.0)
    updates = [u for u in SNAPSHOTS if end is None or u <= end]
    rows = []
    for update in updates:
        progress = 1 - math.exp(-update / (speed * rng.uniform(0.8, 1.25)))
        values = {"cfid": 3.0 + 320 * (1 - progress) * rng.uniform(0.9, 1.1)}
        values["cfid_second"] = 1.02 * values["cfid"]
        if update in FULL or update == updates[-1]:
            values |= {
                "ckid": 0.9 * (1 - progress) + rng.normal(0, 0.003),
                "precision": 0.8 * progress * rng.uniform(0.95, 1),
                "recall": 0.7 * progress * rng.uniform(0.95, 1),
                "density": 0.9 * progress * rng.uniform(0.95, 1),
                "coverage": 0.85 * progress * rng.uniform(0.95, 1),
                "modes": float(round(10 * progress)),
                "mode_kl": 2.3 * (1 - progress) + 0.01,
                "confident": 0.3 + 0.6 * progress,
                "swd": 0.06 + 0.5 * (1 - progress),
                "w1_exact": 2.7 + 3 * (1 - progress),
                "memorisation": 0.5 + update / 2000,
            }
        rows += [(dataset, variant, seed, update, metric, value) for metric, value in values.items()]
    return pd.DataFrame(rows, columns=["dataset", "variant", "seed", "update", "metric", "value"])


def _history(dataset: str, variant: str, seed: int, end: int | None) -> pd.DataFrame:
    rng, block = _rng("history", dataset, variant, seed), VARIANTS[variant]
    rows = [{"update": 0, "d_updates": 0, "images_seen": 0, "probe/auc": 0.5}]  # before training there are no losses
    for update in range(10, SNAPSHOTS[-1] + 1, 10):
        if end is not None and update > end:
            break
        gap = 4 * math.exp(-update / 60) * rng.uniform(0.9, 1.1)
        d_updates = update * block["n_critic"]
        images = d_updates * DATASET["train"]["batch_size"]
        row = {"update": update, "d_updates": d_updates, "images_seen": images, "probe/auc": 0.6, "d_loss": 0.1 - gap}
        row |= {
            "probe/auc": 0.6,
            "g_loss": rng.normal(0, 0.5),
            "gap": gap,
            "d/wasserstein": -gap,
            "g/adversarial": rng.normal(),
        }
        if block["objective"] != "gan":
            rho = math.exp(-update / 50) if variant == "iterative" else 1.0
            penalty = 0.05 * rng.uniform(0.8, 1.2)
            row |= {"d/penalty": 10 * rho**2 * penalty, "diagnostics/penalty": penalty}
            row |= {"diagnostics/share": 10 * rho**2 * penalty / (gap + 10 * rho**2 * penalty)}
            row |= {"diagnostics/grad_norm": 1 + rng.normal(0, 0.05)}
        steepness = {"gan": 30.0}.get(variant, 1.0)
        for weight in (0, 0.25, 0.5, 0.75, 1):
            row[f"diagnostics/profile_{weight:.2f}"] = steepness * math.exp(0.3 * weight + rng.normal(0, 0.05))
        if variant == "iterative":
            row |= {"diagnostics/distance": gap, "diagnostics/ema": gap, "diagnostics/reference": 4.0}
            row |= {"diagnostics/rho": rho, "diagnostics/alpha": 1 - rho, "diagnostics/lambda": 10 * rho**2}
        rows.append(row)
    return pd.DataFrame(rows)


def write_history(workspace: Workspace, dataset: str, variant: str, seed: int, text: str) -> None:
    """Another history of a run, as if it had been trained like that."""
    folder = workspace.run(dataset, variant, seed)
    (folder / "history.csv").write_text(text)
    record = json.loads((folder / "run.json").read_text())
    record["files"]["history.csv"] = _sha256(text.encode())
    _write_json(folder / "run.json", record)


def _write_run(workspace, dataset, variant, seed, end, scores: pd.DataFrame, blocks: dict) -> None:
    folder = workspace.run(dataset, variant, seed)
    _write_csv(folder / "history.csv", _history(dataset, variant, seed, end))
    (folder / "samples").mkdir(exist_ok=True)
    for moment in (m for m in MOMENTS if end is None or m <= end):
        pixels = _rng("samples", dataset, variant, seed, moment).integers(0, 256, (64, 64), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / "samples" / f"{moment}.png")
    _write_json(folder / "weights.json", WEIGHTS)
    files = {
        str(p.relative_to(folder)): _sha256(p.read_bytes()) for p in sorted(folder.rglob("*.*")) if p.name != "run.json"
    }
    objective = VARIANTS[variant]["objective"]
    identity = {
        "seed": seed,
        "parameters": blocks,
        "manifest_sha256": _sha256(dataset.encode()),
        "sources": {name: HASHES[name] for name in ("training/loop.py", f"objectives/{objective}.py")},
        "versions": {"torch": "2.0"},
        "device": "cpu (made up)",
        "precision": "float32",
        "engine": "eager",
    }
    fingerprint = sha256_json(identity)
    record = {"dataset": dataset, "variant": variant, "fingerprint": fingerprint, "files": files}
    record |= {"status": "completed" if end is None else "diverged", "diverged_at": end}
    _write_json(folder / "run.json", record | identity)
    provenance = {"commit": "0123456789abcdef0123456789abcdef01234567", "dirty": seed == 1, "host": "nowhere"}
    provenance |= {"start": "2020-01-01T00:00:00+00:00", "resumes": 0}
    provenance["clock"] = [{"update": SNAPSHOTS[-1], "seconds": 9.5}]
    _write_json(workspace.provenance(dataset, variant, seed), provenance)
    path = workspace.scores(dataset, variant, seed)
    _write_csv(path, scores)
    label = {"fingerprint": fingerprint, "sha256": _sha256(path.read_bytes()), "samples": 1000, "split": "test"}
    label["evaluate"] = EVALUATE
    label["metric_sha256"] = metric_sha256()
    label["run"] = _facts(variant, end) | {"fingerprint": fingerprint} | {k: identity[k] for k in IN_LABELS}
    _write_json(path.with_suffix(".json"), label)


def _calibration(dataset: str) -> pd.DataFrame:
    rows = {"floor": (FLOOR, 497), "blur_0.5": (9.5, 497), "blur_1": (33.0, 497), "drop_2": (12.0, 390)}
    rows |= {"drop_5": (29.0, 250), "pixel_gaussian": (PIXEL_GAUSSIAN, 1000)}
    table = [(dataset, row, "cfid", value, n) for row, (value, n) in rows.items()]
    table += [(dataset, "floor", "recall", 0.93, 497), (dataset, "pixel_gaussian", "recall", 0.41, 1000)]
    table += [(dataset, "test", "modes", 10.0, 497), (dataset, "test", "confident", 0.95, 497)]
    return pd.DataFrame(table, columns=["dataset", "row", "metric", "value", "n"])


def _manifest(dataset: str, duplicates: dict[str, int] | None) -> dict:
    part = {"shape": [1, 8, 8], "dtype": "float32", "min": -1.0, "max": 1.0}
    part |= {"images_sha256": "0" * 64, "labels_sha256": "0" * 64}
    splits = {name: part | {"n": n} for name, n in (("train", 803), ("val", 497), ("test", 497))}
    manifest = {"dataset": dataset, "source": {"kind": "digits"}, "classes": list("0123456789"), "splits": splits}
    return manifest | ({"duplicates": duplicates} if duplicates else {})


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _write_json(path: Path, value) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=2, sort_keys=True, allow_nan=False) + "\n", encoding="utf-8")


def _write_csv(path: Path, table: pd.DataFrame) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(path, index=False, lineterminator="\n")
