"""Edits of a study's files while one of its stages runs, all in one process that has imported the package once.

Run in the folder of a toy study with its own src on PYTHONPATH; prints how each trial ended as JSON. A trial is a fork:
the stage runs as DVC runs it, and at the number-th file that it opens one file of the study is edited.
"""

import json
import multiprocessing
import os
import random
import runpy
import shutil
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from digests import digests

sys.path.insert(0, "pipeline")
TRIALS = 300
CONTEXT = multiprocessing.get_context("fork")
LONG, QUICK = 12, 40  # how often a stage is drawn
STAGES = {  # stage → arguments, outputs, how often it is drawn
    "check": ((), ["artifacts/check.txt"], QUICK),
    "prepare": (("digits",), ["data/prepared/digits"], QUICK),
    "features": (("digits",), ["artifacts/features/digits"], 24),
    "calibrate": (("digits",), ["artifacts/calibration"], QUICK),
    "train": (("digits", "gan"), ["artifacts/runs", "artifacts/provenance", ".runs"], 64),
    "evaluate": (("digits", "gan"), ["artifacts/scores"], 40),
    "compare": (("digits",), ["artifacts/comparison"], QUICK),
    "report": ((), ["reports"], LONG),
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
    Edit("params.yaml", "split_seed: 0", "split_seed: 5", ("check", "prepare", "train")),
    Edit("params.yaml", "n_critic: 1", "n_critic: 2", ("check", "train")),
    Edit("params.yaml", "min_accuracy: 0.2", "min_accuracy: 0.1", ("check", "features")),
    Edit("params.yaml", "margin: 1.25", "margin: 1.3", ("check", "compare")),
    Edit("params.yaml", "confidence: 0.9", "confidence: 0.8", ("check", "calibrate", "evaluate")),
    Edit("params.yaml", "dpi: ", "dpi: 1", ("check", "report")),
    Edit(f"{SRC}/objectives/gan.py", "softplus(-real).mean()", "2 * softplus(-real).mean()", ("check", "train")),
    Edit(f"{SRC}/networks/generator.py", '"""The DCGAN', '"""A DCGAN', ("train", "evaluate")),
    Edit(f"{SRC}/scoring/feature_metrics.py", "return float(max(", "return 2 * float(max(", ("calibrate", "evaluate")),
    Edit(f"{SRC}/data/decode.py", '"""Decoding', '"""The decoding', ("prepare",)),
    Edit(f"{SRC}/compare/statistics.py", "ALPHA = 0.05", "ALPHA = 0.01", ("compare", "report")),
    Edit(f"{SRC}/scoring/train_classifier.py", "MIXUP_SHARE = 0.03", "MIXUP_SHARE = 0.5", ("features", "evaluate")),
    Edit("pipeline/compare.py", '"""Stage', '"""The stage', ("compare",)),
)


def run(stage: str, edits: tuple[tuple[int, Edit], ...]) -> tuple[int, str, int]:
    """(exit status, output, files opened) of a stage in a fork; each edit is made at that number of opened files."""
    opened, output = CONTEXT.Value("q", 0), Path("output.txt")
    process = CONTEXT.Process(target=_work, args=(stage, dict(edits), opened, output))
    process.start()
    process.join()
    return process.exitcode, output.read_text(encoding="utf-8"), opened.value


def _work(stage: str, edits: dict[int, Edit], opened, output: Path) -> None:
    descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)

    def on_event(event: str, arguments: tuple) -> None:
        if event == "open":
            number, opened.value = opened.value, opened.value + 1
            if edit := edits.pop(number, None):
                edit.apply()

    sys.argv = [f"pipeline/{stage}.py", *STAGES[stage][0]]
    sys.addaudithook(on_event)
    runpy.run_path(sys.argv[0], run_name="__main__")


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
    opened: int  # in all, without an edit
    status: int
    output: str
    result: str  # "unedited", "edited" or "other": whose outputs were left
    compare: int | None = None  # status of the stage compare after an edit at the very end of a stage


def trial(trials: Trials, stage: str, edit: Edit, number: int, opened: int, known: dict) -> Ended:
    trials.reset(stage, None)
    status, output, _ = run(stage, ((number, edit),))
    at_the_end = number >= opened
    if at_the_end:
        edit.apply()
    left = outputs(stage)
    result = "unedited" if left == known[stage, None] else "edited" if left == known.get((stage, edit)) else "other"
    ended = Ended(stage, edit, number, opened, status, output, result)
    if at_the_end and stage in edit.stages and stage in ("train", "evaluate"):
        ended.compare = run("compare", ())[0]
    trials.restore(stage, edit)
    if ended.compare is not None:
        trials.restore("compare", edit)
    return ended


def reference(trials: Trials, stage: str, edit: Edit) -> dict[str, str]:
    """The outputs of the stage where params.yaml was edited before it started."""
    trials.reset(stage, None)
    edit.apply()
    run(stage, ())
    found = outputs(stage)
    trials.restore(stage, edit)
    return found


def main() -> None:
    runpy.run_path("pipeline/report.py", run_name="imported once, for all forks")
    trials, drawn, known, opened = Trials(), random.Random(0), {}, {}
    for stage in STAGES:
        trials.reset(stage, None)
        status, output, opened[stage] = run(stage, ())
        assert status == 0, output
        known[stage, None] = outputs(stage)
        for edit in EDITS:
            if edit.file == "params.yaml" and stage in edit.stages:
                known[stage, edit] = reference(trials, stage, edit)
    ended = []
    for stage in drawn.choices(list(STAGES), [often for *_, often in STAGES.values()], k=TRIALS):
        edit = drawn.choice([e for e in EDITS if stage in e.stages] * 4 + list(EDITS))
        number = drawn.choice([drawn.randrange(opened[stage]), drawn.randrange(opened[stage]), opened[stage]])
        ended.append(asdict(trial(trials, stage, edit, number, opened[stage], known)))
    print(json.dumps(ended))


if __name__ == "__main__":
    main()
