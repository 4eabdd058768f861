"""The source files that decide the bytes of scores, and their hashes. Imports no torch."""

from pathlib import Path

from ganspeed.system.files import sha256_file, sha256_json

PACKAGE = Path(__file__).parents[1]
SCORED_BY = (
    "networks/fast_convolutions.py",
    "networks/generator.py",
    "networks/layers.py",
    "scoring/classifier.py",
    "scoring/embedded.py",
    "scoring/embedder.py",
    "scoring/feature_metrics.py",
    "scoring/metrics.py",
    "scoring/pixel_metrics.py",
    "scoring/snapshots.py",
    "system/determinism.py",
)


def score_sources() -> dict[str, str]:
    """File → SHA-256 of the sources that decide the bytes of scores."""
    return {name: sha256_file(PACKAGE / name) for name in SCORED_BY}


def metric_sha256() -> str:
    """SHA-256 over the files that decide a score."""
    return sha256_json(score_sources())
