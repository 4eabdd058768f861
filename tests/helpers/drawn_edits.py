"""Edits of a study's files while one of its stages runs, all in one process that has imported the package once.

Run in the folder of a toy study with its own src on PYTHONPATH; prints how each trial ended as JSON. A trial is a fork:
the stage runs as DVC runs it, and at the number-th file that it opens one file of the study is edited.
"""

import contextlib
import importlib
import json
import multiprocessing
import os
import random
import runpy
import shutil
import subprocess
import sys
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

from digests import digests

from ganspeed.system import exit_status, shutdown

sys.path.insert(0, "pipeline")
shutdown.exit_now = exit_status.exit_now = sys.exit  # so that a fork goes on to write what it has imported
TRIALS = 300
CONTEXT = multiprocessing.get_context("fork")
STAGES = {  # stage → arguments, outputs, how often it is drawn
    "check": ((), ["artifacts/check.txt"], 60),
    "prepare": (("digits",), ["data/prepared/digits"], 60),
    "features": (("digits",), ["artifacts/features/digits"], 16),
    "calibrate": (("digits",), ["artifacts/calibration"], 16),
    "train": (("digits", "gan"), ["artifacts/runs", "artifacts/provenance", ".runs"], 42),
    "evaluate": (("digits", "gan"), ["artifacts/scores"], 42),
    "compare": (("digits",), ["artifacts/comparison"], 60),
    "report": ((), ["reports"], 4),
}
CLOCKS = ("provenance", "reports/index.html", "reports/summary.md")  # files with the time or the commit in them


@dataclass(frozen=True)
class Edit:
    """A replacement of text in one file, and the stages that use what it changes."""

    file: str
    old: str
    new: str
    stages: tuple[str, ...]

    def apply(self) -> None:
        path = Path(self.file)
        text = path.read_text(encoding="utf-8")
        assert self.old in text, self
        path.write_text(text.replace(self.old, self.new, 1), encoding="utf-8")


SRC = "src/ganspeed"
EDITS = (
    Edit("params.yaml", "samples: 400", "samples: 300", ("check", "calibrate", "evaluate")),
    Edit("params.yaml", "split_seed: 0", "split_seed: 5", ("check", "prepare", "calibrate", "train")),
    Edit("params.yaml", "n_critic: 1", "n_critic: 2", ("check", "train")),
    Edit("params.yaml", "min_accuracy: 0.2", "min_accuracy: 0.1", ("check", "features")),
    Edit("params.yaml", "margin: 1.25", "margin: 1.3", ("check", "compare")),
    Edit("params.yaml", "confidence: 0.9", "confidence: 0.8", ("check", "calibrate", "evaluate")),
    Edit("params.yaml", "dpi: ", "dpi: 1", ("check", "report")),
    Edit(f"{SRC}/objectives/gan.py", "cross_entropy(real,", "2 * cross_entropy(real,", ("check", "train")),
    Edit(f"{SRC}/networks/generator.py", '"""The generator', '"""A generator', ("train", "evaluate")),
    Edit(f"{SRC}/scoring/feature_metrics.py", "return float(max(", "return 2 * float(max(", ("calibrate", "evaluate")),
    Edit(f"{SRC}/data/decode.py", '"""Decoding', '"""The decoding', ("prepare",)),
    Edit(f"{SRC}/compare/statistics.py", "ALPHA = 0.05", "ALPHA = 0.01", ("compare", "report")),
    Edit(f"{SRC}/scoring/train_classifier.py", "MIXUP_SHARE = 0.03", "MIXUP_SHARE = 0.5", ("features",)),
    Edit("pipeline/compare.py", '"""Stage', '"""The stage', ("compare",)),
)


@dataclass(frozen=True)
class Outcome:
    status: int
    output: str
    opened: int  # files
    before_the_end: int  # files opened before the stage looked at its files once more


def run(stage: str, edits: tuple[tuple[int, Edit], ...] = ()) -> Outcome:
    """How a stage ends in a fork; each edit is made at that number of opened files."""
    opened, ended, output = CONTEXT.Value("q", 0), CONTEXT.Value("q", 0), Path("output.txt")
    process = CONTEXT.Process(target=_work, args=(stage, dict(edits), opened, ended, output))
    process.start()
    process.join()
    return Outcome(process.exitcode, output.read_text(encoding="utf-8"), opened.value, ended.value)


def _work(stage: str, edits: dict[int, Edit], opened, ended, output: Path) -> None:
    descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)

    editing = False

    def on_event(event: str, arguments: tuple) -> None:
        nonlocal editing
        if event == "open" and not editing and isinstance(arguments[0], str | bytes | os.PathLike):
            number, opened.value = opened.value, opened.value + 1
            if Path(os.fsdecode(arguments[0])).name == "params.yaml":
                ended.value = number
            if edit := edits.pop(number, None):
                editing = True  # the files that the edit opens are not the stage's
                edit.apply()
                editing = False

    sys.argv = [f"pipeline/{stage}.py", *STAGES[stage][0]]
    sys.addaudithook(on_event)
    try:
        runpy.run_path(sys.argv[0], run_name="__main__")
    finally:
        sys.stdout.flush()
        Path("imported.txt").write_text("\n".join(sys.modules), encoding="utf-8")


def import_what_was_imported() -> None:
    """Import here what the last stage has imported, for all forks to come."""
    for name in Path("imported.txt").read_text(encoding="utf-8").split():
        with contextlib.suppress(Exception):
            importlib.import_module(name)


class Trials:
    """The study as it was before any edit, to return to after each."""

    def __init__(self):
        self.before = Path("..", "before")
        shutil.copytree(".", self.before, symlinks=True)

    def reset(self, stage: str, edit: Edit | None) -> None:
        """Undo the edit, and remove the outputs of the stage."""
        if edit:
            shutil.copy(self.before / edit.file, edit.file)
        for output in STAGES[stage][1]:
            Path(output).unlink() if Path(output).is_file() else shutil.rmtree(output, ignore_errors=True)

    def restore(self, stage: str, edit: Edit) -> None:
        """Undo the edit, and put the outputs of the stage back."""
        self.reset(stage, edit)
        for output in STAGES[stage][1]:
            there = self.before / output
            if there.is_dir():
                shutil.copytree(there, output, symlinks=True)
            elif there.exists():
                shutil.copy(there, output)


def outputs(stage: str) -> dict[str, str]:
    found = {}
    for output in map(Path, STAGES[stage][1]):
        found |= {f"{output}/{k}": v for k, v in digests(output).items()} if output.is_dir() else {}
    return {name: digest for name, digest in found.items() if not any(clock in name for clock in CLOCKS)}


@dataclass
class Ended:
    stage: str
    edit: Edit
    number: int  # of files opened before the edit
    late: bool  # whether that was after the stage had begun to look at its files once more
    status: int
    output: str
    alike: list[str]  # of "unedited" and "edited": with which params the stage leaves the same outputs
    compare: int | None = None  # status of the stage compare after an edit at the very end of a stage


def trial(trials: Trials, stage: str, edit: Edit, number: int, known: dict) -> Ended:
    trials.reset(stage, None)
    outcome = run(stage, ((number, edit),))
    if number >= outcome.opened:
        edit.apply()
    left, late = outputs(stage), number > outcome.before_the_end
    alike = [name for name, key in (("unedited", None), ("edited", edit)) if left == known.get((stage, key))]
    ended = Ended(stage, edit, number, late, outcome.status, outcome.output, alike)
    if late and outcome.status == 0 and stage in edit.stages and stage in ("train", "evaluate"):
        ended.compare = run("compare").status if edit.file == "params.yaml" else compare_anew(edit)
    trials.restore(stage, edit)
    if ended.compare is not None:
        trials.restore("compare", edit)
    return ended


@cache
def compare_anew(edit: Edit) -> int:
    """The status of the stage compare in a process that hashes the sources as they are now; forks have hashed them."""
    command = [sys.executable, "pipeline/compare.py", "digits"]
    return subprocess.run(command, capture_output=True, check=False).returncode


def reference(trials: Trials, stage: str, edit: Edit) -> dict[str, str]:
    """The outputs of the stage where params.yaml was edited before it started."""
    trials.reset(stage, None)
    edit.apply()
    run(stage)
    found = outputs(stage)
    trials.restore(stage, edit)
    return found


def main() -> None:
    trials, drawn, known, opened = Trials(), random.Random(0), {}, {}
    for stage in STAGES:
        trials.reset(stage, None)
        run(stage)
        import_what_was_imported()
        trials.reset(stage, None)
        outcome = run(stage)
        assert outcome.status == 0, outcome.output
        opened[stage] = outcome.opened
        known[stage, None] = outputs(stage)
        for edit in EDITS:
            if edit.file == "params.yaml" and stage in edit.stages:
                known[stage, edit] = reference(trials, stage, edit)
    ended = []
    for stage in drawn.choices(list(STAGES), [often for *_, often in STAGES.values()], k=TRIALS):
        edit = drawn.choice([e for e in EDITS if stage in e.stages] * 4 + list(EDITS))
        number = drawn.choice([drawn.randrange(opened[stage]), drawn.randrange(opened[stage]), opened[stage]])
        ended.append(asdict(trial(trials, stage, edit, number, known)))
    print(json.dumps(ended))


if __name__ == "__main__":
    main()
