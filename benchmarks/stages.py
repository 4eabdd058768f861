"""Seconds of `make repro`, command by command and stage by stage, on the params.yaml of a copy of this checkout.

    python benchmarks/stages.py [--to reports/benchmarks/NAME.csv]

Everything is made anew in a temporary folder, as `make repro` does after the installation; nothing here is touched.
`imports_s`: the part of a stage in which its script imports what it names at the top.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
from tables import print_table


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


def command(words: list[str], root: Path) -> dict:
    [*_, (seconds, _)] = lines(words, root)
    return {"stage": " ".join(words), "seconds": round(seconds, 2)}


def imports(script: Path, root: Path) -> float:
    """Seconds of importing a stage's script, without Python's own start."""
    code = f"import time; start = time.perf_counter(); import {script.stem}; print(time.perf_counter() - start)"
    (_, seconds), _ = lines([sys.executable, "-c", f"import sys; sys.path.insert(0, 'pipeline'); {code}"], root)
    return round(float(seconds), 2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--to", type=Path, help="a CSV file")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "clone"
        subprocess.run(["git", "clone", "-q", str(Path.cwd()), str(root)], check=True)
        found = [
            command(["ganspeed", "check"], root),
            *stages(["dvc", "repro", "features"], root),
            command(["ganspeed", "run"], root),
            *stages(["dvc", "repro"], root),
            command(["ganspeed", "track"], root),
        ]
        scripts = {path.stem: imports(path, root) for path in (root / "pipeline").glob("*.py")}
    table = pd.DataFrame(found)
    table["imports_s"] = table["stage"].map(lambda stage: scripts.get(stage.split("@")[0]))
    print_table(table, given.to)
    print(f"in all {table['seconds'].sum():.0f} s")


if __name__ == "__main__":
    main()
