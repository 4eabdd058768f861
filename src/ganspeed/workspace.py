"""The folders and files that the stages and commands of a study write, given its root."""

import re
from dataclasses import dataclass
from pathlib import Path

from ganspeed.environment import variable

DVC_RESULTS = ("dvc.lock", "studies/dvc.lock")  # where DVC writes what every stage read and wrote, by its hash
SEED_NAME = re.compile(r"seed-(0|[1-9]\d*)(\.\w+)?")  # of a run, its provenance, its scores and their label


@dataclass(frozen=True)
class Workspace:
    """The folders of one study under `root` (the folder of params.yaml)."""

    root: Path

    @property
    def params(self) -> Path:
        return self.root / "params.yaml"

    @property
    def identity(self) -> Path:
        """The id of this study in MLflow; of this folder, so that git ignores it."""
        return self.root / ".study.json"

    @property
    def source_data(self) -> Path:
        """Downloads and the user's own pictures: GANSPEED_DATA, by default data/raw."""
        return Path(variable("GANSPEED_DATA") or self.root / "data" / "raw")

    @property
    def run_cache(self) -> Path:
        """Unfinished runs, runs that no stage has collected yet, and runs that params.yaml no longer names."""
        return self.root / ".runs"

    @property
    def machine_code(self) -> Path:
        """What torch compiled of the training steps: a cache, which may be removed whenever nothing is trained."""
        return self.run_cache / "inductor"

    @property
    def artifacts(self) -> Path:
        return self.root / "artifacts"

    @property
    def reports(self) -> Path:
        return self.root / "reports"

    @property
    def report_page(self) -> Path:
        return self.reports / "index.html"

    @property
    def outputs(self) -> tuple[Path, ...]:
        """The folders that stages write to."""
        return self.root / "data" / "prepared", self.artifacts, self.reports, self.run_cache

    def prepared(self, dataset: str) -> Path:
        return self.root / "data" / "prepared" / dataset

    def features(self, dataset: str) -> Path:
        return self.artifacts / "features" / dataset

    def calibration(self, dataset: str) -> Path:
        return self.artifacts / "calibration" / f"{dataset}.csv"

    def runs(self, dataset: str, variant: str) -> Path:
        return self.artifacts / "runs" / dataset / variant

    def run(self, dataset: str, variant: str, seed: int) -> Path:
        return self.runs(dataset, variant) / f"seed-{seed}"

    @staticmethod
    def seeds(folder: Path) -> list[int]:
        """The seeds that files and folders in `folder` are named after; other names, as of a copy, are passed over."""
        found = (SEED_NAME.fullmatch(path.name) for path in folder.glob("seed-*"))
        return sorted({int(name[1]) for name in found if name})

    def provenance(self, dataset: str, variant: str, seed: int) -> Path:
        return self.artifacts / "provenance" / dataset / variant / f"seed-{seed}.json"

    def scores_folder(self, dataset: str, variant: str) -> Path:
        return self.artifacts / "scores" / dataset / variant

    def scores(self, dataset: str, variant: str, seed: int) -> Path:
        """The tidy table of one run's scores; its label is beside it with the suffix .json."""
        return self.scores_folder(dataset, variant) / f"seed-{seed}.csv"

    def schedule(self, dataset: str, variant: str) -> Path:
        """The recorded alpha and lambda of a variant, written by `ganspeed freeze-schedule` and committed."""
        return self.root / "schedules" / f"{dataset}-{variant}.csv"

    def pilot(self, dataset: str) -> Path:
        """The tidy table of the pilot's scores; its label is beside it with the suffix .json."""
        return self.artifacts / "pilot" / f"{dataset}.csv"

    def tuning(self, dataset: str) -> Path:
        """The result of tuning; the table of all trials is beside it with the suffix .csv."""
        return self.artifacts / "tuning" / f"{dataset}.json"

    @property
    def trials_folder(self) -> Path:
        return self.run_cache / "tuning"

    def trials(self, dataset: str) -> Path:
        """Optuna's storage: every trial that was ever scored."""
        return self.trials_folder / f"{dataset}.sqlite"

    def comparison(self, dataset: str) -> Path:
        return self.artifacts / "comparison" / f"{dataset}.json"

    def timing(self, dataset: str) -> Path:
        return self.artifacts / "timing" / f"{dataset}.json"

    def preregistration(self, dataset: str) -> Path:
        """Threshold, length and design, as `ganspeed freeze` fixed them before the study."""
        return self.root / "preregistration" / f"{dataset}.json"

    def tuning_record(self, dataset: str) -> Path:
        """The result of an equal tuning, as `ganspeed adopt-tuning` adopted it."""
        return self.root / "preregistration" / f"{dataset}-tuning.json"
