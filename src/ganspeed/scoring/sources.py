"""What decides the bytes of scores beside the data: source files and the registry's flags. Imports no torch."""

from ganspeed.errors import UserError
from ganspeed.scoring.metrics import METRICS
from ganspeed.source_files import HASHES, refuse_edited
from ganspeed.system.files import sha256_json

SCORED_BY = (
    *(f"networks/{name}.py" for name in ("fast_convolutions", "generator", "latents", "layers", "problems")),
    *(f"networks/{name}.py" for name in ("range", "spectral")),
    *(f"networks/generator_bodies/{name}.py" for name in ("dcgan", "mlp")),
    *(f"scoring/{name}.py" for name in ("asked_metrics", "classifier", "compute_metrics", "embedded", "embedder")),
    *(f"scoring/{name}.py" for name in ("feature_metrics", "pixel_metrics", "snapshots")),
    "system/determinism.py",
)


def score_sources() -> dict:
    """File → SHA-256 of the sources that decide the bytes of scores; `metrics`: name and flags of each metric.

    Of the registry, names, order and the flags every_snapshot, needs_classes and fed decide bytes. It is here as data
    and not as a source file, so that an edit of a glossary or a direction computes no run's score again.
    """
    files = {name: HASHES[name] for name in SCORED_BY}
    return files | {"metrics": [[m.name, m.every_snapshot, m.needs_classes, m.fed] for m in METRICS]}


def refuse_edited_scoring(planned: dict) -> None:
    """Raise UserError unless these `score_sources` are those of this process; call it once metrics are imported."""
    refuse_edited({name: planned[name] for name in SCORED_BY})
    if planned["metrics"] != score_sources()["metrics"]:
        raise UserError("scoring/metrics.py changed after these scores were planned: run again")


def metric_sha256() -> str:
    """SHA-256 over everything that `score_sources` lists."""
    return sha256_json(score_sources())
