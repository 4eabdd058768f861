"""Seconds of `ganspeed ahead` and of every stage of `dvc repro`, on the params.yaml of a copy of this checkout.

    python benchmarks/stages.py [--to reports/benchmarks/NAME.csv]

Everything is made anew in a temporary folder, as `make repro` does after the installation; nothing here is touched.
"""

import argparse
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
from tables import tell


def lines(command: list[str], root: Path) -> Iterator[tuple[float, str | None]]:
    """(seconds since the start, line) of what a command prints, and None for its end."""
    environment = os.environ | {"PYTHONPATH": str(root / "src"), "PYTHONUNBUFFERED": "1", "GIT_TERMINAL_PROMPT": "0"}
    start = time.perf_counter()
    with subprocess.Popen(command, cwd=root, env=environment, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            yield time.perf_counter() - start, line.rstrip()
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
    yield time.perf_counter() - start, None


def stages(command: list[str], root: Path) -> list[dict]:
    """What a `dvc repro` spends on each stage, from one that starts to the next."""
    found, name, since = [], "dvc starts", 0.0
    for at, line in lines(command, root):
        if line is None or line.startswith("Running stage '"):
            found.append({"stage": name, "seconds": round(at - since, 2)})
            name, since = line.split("'")[1] if line else "", at
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--to", type=Path, help="a CSV file")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "clone"
        subprocess.run(["git", "clone", "-q", str(Path.cwd()), str(root)], check=True)
        datasets = stages(["dvc", "repro", "features"], root)
        [*_, (ahead, _)] = lines(["ganspeed", "ahead"], root)
        rest = stages(["dvc", "repro"], root)
    table = pd.DataFrame([*datasets, {"stage": "ganspeed ahead", "seconds": round(ahead, 2)}, *rest])
    tell(table, given.to)
    print(f"in all {table['seconds'].sum():.0f} s")


if __name__ == "__main__":
    main()
