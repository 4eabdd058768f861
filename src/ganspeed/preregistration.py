"""What the records in preregistration/ pin beside numbers: the code behind a score, and the variants' blocks."""

from pathlib import Path

from ganspeed.files import sha256_file, sha256_json
from ganspeed.kept import SCORED_BY
from ganspeed.params import Params


def metric_sha256() -> str:
    """SHA-256 over the files that decide a score."""
    folder = Path(__file__).parent
    return sha256_json({name: sha256_file(folder / name) for name in SCORED_BY})


def resolved(params: Params, names: tuple[str, ...]) -> dict[str, dict]:
    """Variant → its block as plain values, every key in it."""
    return {name: params.variant(name).resolved() for name in names}
