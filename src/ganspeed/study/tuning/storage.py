"""The scored trials of a data set, in an Optuna storage file that outlives a kill."""

import math
from pathlib import Path

import optuna
from optuna.trial import FrozenTrial, create_trial
from sqlalchemy import URL
from sqlalchemy.exc import DatabaseError, OperationalError

from ganspeed.errors import UserError
from ganspeed.params.blocks import Tuning
from ganspeed.study.tuning.trials import Trial, distributions, quiet_optuna
from ganspeed.system.files import sha256_json
from ganspeed.workspace import Workspace


class Storage:
    """The scored trials of a data set, an Optuna study for each arm and space; opened by one process at a time.

    SQLite rather than Optuna's journal file: a journal whose last line was cut off by a kill cannot be added to.
    """

    def __init__(self, workspace: Workspace, dataset: str, tuning: Tuning):
        """Raises UserError for a file that is no database."""
        path = workspace.trials(dataset)
        path.parent.mkdir(parents=True, exist_ok=True)
        self._spaces = {arm: {**tuning.shared, **about.own} for arm, about in tuning.arms.items()}
        self._studies, self._scored = {}, {}  # by arm; by Trial.key: the trial with its score
        try:
            self._open(path)
        except DatabaseError as error:
            if isinstance(error, OperationalError):  # of a disk or a lock
                raise
            raise UserError(
                f"{path}: damaged: {error.orig}; remove it: `make tune` scores the trials again, and trains none "
                "whose runs are in the run cache"
            ) from None

    def _open(self, path: Path) -> None:
        uri = URL.create("sqlite", database=str(path)).render_as_string()  # with `?` or `%` in the path escaped
        self._storage = optuna.storages.RDBStorage(uri)
        for arm, space in self._spaces.items():
            name = f"{arm} {sha256_json({k: v.model_dump() for k, v in space.items()})[:12]}"
            with quiet_optuna():
                self._studies[arm] = optuna.create_study(storage=self._storage, study_name=name, load_if_exists=True)
            self._scored |= {t.user_attrs["key"]: t for t in self._studies[arm].get_trials(deepcopy=False)}

    def find(self, trial: Trial) -> FrozenTrial | None:
        """The trial with its score, None if it was never recorded."""
        return self._scored.get(trial.key)

    def record(self, trial: Trial, scores: dict[int, tuple[float, bool]]) -> None:
        """Store a trial's score, the mean over its seeds, in one transaction. scores: seed → (score, diverged)."""
        attributes = {
            "key": trial.key,
            "trial": trial.number,
            "scores": {str(seed): score for seed, (score, _) in sorted(scores.items())},
            "diverged": sum(diverged for _, diverged in scores.values()),
        }
        mean, space = math.fsum(score for score, _ in scores.values()) / len(scores), self._spaces[trial.arm]
        scored = create_trial(
            params=trial.values, distributions=distributions(space), value=mean, user_attrs=attributes
        )
        self._studies[trial.arm].add_trial(scored)
        self._scored[trial.key] = scored
