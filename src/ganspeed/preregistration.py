"""The records that fix a design before its main runs, preregistration/<dataset>.json and <dataset>-tuning.json."""

from pathlib import Path

from ganspeed.files import sha256_file, sha256_json
from ganspeed.params import Params

METRIC_CODE = ("features.py", "metrics.py", "networks.py", "randomness.py", "scoring.py")


def metric_sha256() -> str:
    """SHA-256 over the files that decide a score."""
    folder = Path(__file__).parent
    return sha256_json({name: sha256_file(folder / name) for name in METRIC_CODE})


def resolved(params: Params, names: tuple[str, ...]) -> dict[str, dict]:
    """Variant → its block as plain values, every key in it."""
    return {name: params.variant(name).resolved() for name in names}
