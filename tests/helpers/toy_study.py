"""The toy study, 2 variants × 2 seeds on 8×8 digits in seconds: its params alone, or run by the real dvc.

`Study` is a clone of the project in a folder of its own. A test that runs stages itself needs no more than `write`.
What was trained and scored is read from the files: a run that is trained again gets a new provenance (its clock), a
score that is computed again a new modification time. Stages that started are read from dvc's own record of them.
"""

import compileall
import os
import shutil
import subprocess
import sys
from pathlib import Path

from ruamel.yaml import YAML

from ganspeed.data.prepare import prepare_dataset
from ganspeed.params.load import load_params
from ganspeed.workspace import Workspace

PROJECT = Path(__file__).parents[2]
REST = Path(__file__).parent / "rest.yaml"  # the blocks of params.yaml that no preset replaces
TINY_TRAIN = {"updates": 12, "batch_size": 8, "log_every": 4, "checkpoint_every": 5}
TINY_NETWORKS = {"latent": {"dim": 4}, "G": {"width": 4}, "D": {"width": 4, "hidden": 0}}
WITHOUT_MLFLOW = str(Path(__file__).parent / "without_mlflow")
yaml = YAML()

# Runs scripts one after the other, each in a fork of a process that has imported what takes seconds.
STAGES = """
import multiprocessing, runpy, sys
import ot, PIL.Image, pydantic.main, ruamel.yaml, sklearn.neighbors
import torch._decomp, torch._dynamo, torch._meta_registrations
sys.path[0] = "pipeline"
for line in sys.argv[1:]:
    script, *arguments = line.split()
    sys.argv = [script, *arguments]
    stage = multiprocessing.get_context("fork").Process(target=runpy.run_path, args=(script, None, "__main__"))
    stage.start()
    stage.join()
    if stage.exitcode != 0:
        sys.exit(f"{line}: exit status {stage.exitcode}")
"""


class Study:
    """A clone of the project's code with a toy params.yaml, under git and dvc; without `mirror` MLflow is missing."""

    def __init__(self, root: Path, *, mirror: bool = False):
        self.root, self.mirror = root, mirror

    @property
    def environment(self) -> dict[str, str]:
        return os.environ | {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONPATH": os.pathsep.join([str(self.root / "src"), *([] if self.mirror else [WITHOUT_MLFLOW])]),
            "PYTHONDONTWRITEBYTECODE": "1",
            "DVC_NO_ANALYTICS": "true",
            "GANSPEED_DEVICE": "cpu",
            "GANSPEED_WORKERS": "1",
            "OMP_NUM_THREADS": "1",
            "GIT_AUTHOR_NAME": "t", "GIT_AUTHOR_EMAIL": "t@example.org",
            "GIT_COMMITTER_NAME": "t", "GIT_COMMITTER_EMAIL": "t@example.org",
        }  # fmt: skip

    def run(self, *command: str, check: bool = True) -> subprocess.CompletedProcess:
        done = subprocess.run(command, cwd=self.root, env=self.environment, capture_output=True, text=True, check=False)
        assert not check or done.returncode == 0, f"{command}:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        return done

    def edit(self, change) -> None:
        """Apply `change` to the document of params.yaml, comments kept."""
        document = yaml.load(self.root / "params.yaml")
        change(document)
        yaml.dump(document, self.root / "params.yaml")

    def repro(self, *stages: str) -> "Reran":
        """Run `dvc repro`, of these stages and what they need if any are named; returns what really happened."""
        before = self.record()
        out = self.run("dvc", "repro", *stages).stdout
        after = self.record()
        stages = [line.split("'")[1] for line in out.splitlines() if line.startswith("Running stage '")]
        return Reran(
            {key for key, value in after["trained"].items() if before["trained"].get(key) != value},
            {key for key, value in after["scored"].items() if before["scored"].get(key) != value},
            set(stages),
        )

    def stages(self, *commands: str) -> None:
        """Run scripts of pipeline/ with their arguments, without dvc."""
        self.run(sys.executable, "-c", STAGES, *(f"pipeline/{command}" for command in commands))

    def record(self) -> dict[str, dict]:
        """Per run, its provenance (trained anew means another clock); per score, its inode and time."""
        artifacts = self.root / "artifacts"
        trained = {_key(p): p.read_text() for p in (artifacts / "provenance").glob("*/*/seed-*.json")}
        scored = {_key(p): (p.stat().st_mtime_ns,) for p in (artifacts / "scores").glob("*/*/seed-*.csv")}
        return {"trained": trained, "scored": scored}

    def bytes(self) -> dict[str, bytes]:
        """Every result that must not change unnoticed."""
        roots = [self.root / "artifacts" / name for name in ("runs", "scores", "comparison")]
        return {str(p.relative_to(self.root)): p.read_bytes() for r in roots for p in r.rglob("*") if p.is_file()}


class Reran:
    def __init__(self, trained: set, scored: set, stages: set):
        self.trained, self.scored, self.stages = trained, scored, stages

    @property
    def stage_names(self) -> set[str]:
        """Of a stage of several data sets or variants, the name alone."""
        return {stage.split("@")[0] for stage in self.stages}


def _key(path: Path) -> str:
    return f"{path.parent.name}/{path.name.split('.')[0]}"


BOTH = {"gan/seed-0", "gan/seed-1"}
ALL = BOTH | {"wgan/seed-0", "wgan/seed-1"}


def toy(document, variants=("gan", "wgan"), seeds=(0, 1), **train):
    """Make of the shipped params those of a study of these runs, each of whose stages takes a second.

    train: further changes to what its runs are trained with.
    """
    document["compare"].update({"variants": list(variants), "seeds": list(seeds)})
    digits = document["datasets"]["digits"]
    often = {"ema_decay": 0.5, "checkpoint_every": 3, "grid_ratio": 1.5, "sample_grids": 3}
    digits["networks"] = TINY_NETWORKS
    digits["train"].update(TINY_TRAIN | often | train)
    digits["features"].update({"epochs": 2, "width": 8, "min_accuracy": 0.2})
    digits["evaluate"]["samples"] = 400
    few = {"kid_subsets": 2, "kid_subset_size": 50, "full_snapshots": 1, "transport_samples": 50}
    document["evaluate"].update(few)
    document["pilot"].update({"seeds": [800, 801], "length": 2})
    document["tuning"].update({"trials": 2, "seeds": [900], "updates": 12})
    for arm in document["tuning"]["arms"].keys() - {"gan_tuned", "wgan_tuned"}:
        del document["tuning"]["arms"][arm]
    return document


def write(document: dict, root: Path) -> Workspace:
    """A study of nothing but its params.yaml."""
    root.mkdir(parents=True, exist_ok=True)
    with (root / "params.yaml").open("w", encoding="utf-8") as file:
        YAML().dump(document, file)
    return Workspace(root)


def write_shipped(root: Path) -> Path:
    """A params.yaml with the text of the shipped files, comments and all, and the recordings that it may name."""
    shutil.copytree(PROJECT / "schedules", root / "schedules")
    presets = PROJECT / "src" / "ganspeed" / "params" / "presets"
    quick, variants = ((presets / f"{name}.yaml").read_text(encoding="utf-8") for name in ("quick", "variants"))
    grid = quick[quick.index("compare:") : quick.index("protocol:")]
    shipped = variants[variants.index("variants:") : variants.index("  alpha_batch_random:")]
    text = f"# My study.\n\n{grid}{shipped}\n{REST.read_text(encoding='utf-8').partition(chr(10))[2]}"
    (root / "params.yaml").write_text(text, encoding="utf-8")
    return root / "params.yaml"


def write_prepared(document: dict, root: Path) -> Workspace:
    """A study of its params.yaml and the prepared digits: the next stage trains."""
    workspace = write(document, root)
    digits = load_params(workspace.params).datasets["digits"].data
    prepare_dataset("digits", digits, root, workspace.prepared("digits"))
    return workspace


def new_study(root: Path, *, git: bool = True, mirror: bool = False) -> Study:
    root.mkdir(parents=True)
    for name in ("src", "pipeline", "studies", "preregistration", "schedules"):
        shutil.copytree(
            PROJECT / name, root / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info", "*.json")
        )
    compileall.compile_dir(root / "src", quiet=2)  # once, not in every process of a stage
    for name in ("dvc.yaml", ".dvcignore", ".gitignore", "Makefile"):
        shutil.copy(PROJECT / name, root / name)
    (root / "reports").mkdir()
    presets = YAML(typ="rt")
    quick = presets.load(PROJECT / "src" / "ganspeed" / "params" / "presets" / "quick.yaml")
    variants = presets.load(PROJECT / "src" / "ganspeed" / "params" / "presets" / "variants.yaml")
    rest = presets.load(REST)
    del quick["about"]
    yaml.dump({**quick, **variants, **rest}, root / "params.yaml")
    shutil.copytree(PROJECT / ".dvc", root / ".dvc", ignore=shutil.ignore_patterns("cache", "tmp", "config.local"))
    study = Study(root, mirror=mirror)
    study.edit(toy)
    if git:
        study.run("git", "init", "-q")
        study.run("git", "add", ".")
        study.run("git", "commit", "-qm", "toy")
    study.run("make", "-o", ".venv/.installed", "scm")
    return study
