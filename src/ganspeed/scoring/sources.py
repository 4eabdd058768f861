"""What decides the bytes of scores beside the data: source files and the registry's flags. Imports no torch."""

from pathlib import Path

from ganspeed.scoring.metrics import METRICS
from ganspeed.system.files import sha256_file, sha256_json

PACKAGE = Path(__file__).parents[1]
SCORED_BY = {  # folder → names of its files
    "networks": ("fast_convolutions", "generator", "layers"),
    "scoring": ("classifier", "embedded", "embedder", "feature_metrics", "metrics", "pixel_metrics", "snapshots"),
    "system": ("determinism",),
}


def score_sources() -> dict:
    """File → SHA-256 of the sources that decide the bytes of scores; `metrics`: [name, every_snapshot, needs_classes].

    Of the registry, names, order and these flags decide bytes. It is here as data and not as a source file, so that
    an edit of a glossary or a direction computes no score again.
    """
    names = [f"{folder}/{stem}.py" for folder, stems in SCORED_BY.items() for stem in stems]
    files = {name: sha256_file(PACKAGE / name) for name in names}
    return files | {"metrics": [[metric.name, metric.every_snapshot, metric.needs_classes] for metric in METRICS]}


def metric_sha256() -> str:
    """SHA-256 over everything that `score_sources` lists."""
    return sha256_json(score_sources())
