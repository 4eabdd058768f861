"""Equal tuning: a search with one space for the shared knobs and one budget for every arm, scored for speed.

Runs are in the run cache and scored trials in a storage file, so that a killed tuning continues where it stopped; what
it writes in the end is a function of the params alone.
"""

from collections.abc import Iterable
from dataclasses import asdict, fields

from optuna.trial import FrozenTrial

from ganspeed.compare.rounding import rounded
from ganspeed.errors import UserError
from ganspeed.params.blocks import Params, Tuning
from ganspeed.runs.observers import ObserverFactory
from ganspeed.runs.store import RunStore
from ganspeed.scoring.sources import metric_sha256
from ganspeed.study.tuning.chosen import Chosen
from ganspeed.study.tuning.score import trial_score
from ganspeed.study.tuning.storage import Storage
from ganspeed.study.tuning.trials import Trial, plan_trials
from ganspeed.study.val_runs import VAL, is_up_to_date, refuse_untrainable
from ganspeed.system.devices import worker_count
from ganspeed.system.files import sha256_file, sha256_json, write_json, write_text
from ganspeed.system.processes import map_processes
from ganspeed.workspace import Workspace

Scored = dict[tuple[str, int], FrozenTrial]  # (arm, number of the trial) → the trial with its score


def run_tuning(workspace: Workspace, params: Params, dataset: str, make_observers: ObserverFactory) -> int:
    """Bring artifacts/tuning/<dataset>.{json,csv} up to date with the params; returns the number of trials scored."""
    if not params.tuning.arms:
        raise UserError("tuning.arms: {} is nothing to tune; allowed: one arm or more")
    refuse_untrainable(workspace, params, dataset, [arm.variant for arm in params.tuning.arms.values()])
    out, trials = workspace.tuning(dataset), plan_trials(workspace, params, dataset)
    if is_tuned(workspace, dataset, trials):
        return 0
    with RunStore(workspace).lock():
        storage = Storage(workspace, dataset, params.tuning)
        missing = [trial for trial in trials if storage.find(trial) is None]
        if missing:
            missing[0].val_runs.train([spec for trial in missing for spec in trial.specs], make_observers)
            for trial, scores in score_trials(missing):
                storage.record(trial, scores)
        scored = {(trial.arm, trial.number): storage.find(trial) for trial in trials}
    trials_table = out.with_suffix(".csv")
    write_text(trials_table, table(dataset, trials, scored))
    about = {"fingerprint": trials_fingerprint(trials), "sha256": sha256_file(trials_table)}
    write_json(out, {**summary(dataset, params.tuning, trials, scored), **about})
    return len(missing)


def is_tuned(workspace: Workspace, dataset: str, trials: list[Trial]) -> bool:
    """Whether the result of these trials is there. Raises UserError without the data set's metric classifiers."""
    out = workspace.tuning(dataset)
    return is_up_to_date(out, trials_fingerprint(trials), out.with_suffix(".csv"))


def trials_fingerprint(trials: list[Trial]) -> str:
    """SHA-256 of all that decides the result of these trials, and of the keys that it has of each arm."""
    keys = [field.name for field in fields(Chosen)]
    return sha256_json([keys, *([trial.arm, trial.number, trial.key] for trial in trials)])


def score_trials(trials: list[Trial]) -> Iterable[tuple[Trial, dict[int, tuple[float, bool]]]]:
    """(trial, seed → (score, diverged)) as soon as all seeds of a trial are scored, in parallel."""
    val_runs, waiting = trials[0].val_runs, {id(trial): (trial, {}) for trial in trials}
    owner = {(spec.variant, spec.seed): id(trial) for trial in trials for spec in trial.specs}
    tasks = [val_runs.task(spec, 0) for trial in trials for spec in trial.specs]
    for task, score in map_processes(trial_score, tasks, worker_count(val_runs.device)):
        trial, scores = waiting[owner[task.variant, task.seed]]
        scores[task.seed] = score
        if len(scores) == len(trial.specs):
            yield trial, scores


def choose(arm: str, variant: str, trials: list[Trial], scored: Scored) -> Chosen:
    """The trial of an arm, tuned from `variant`, with the lowest score, the first of equal ones."""
    trial = min((t for t in trials if t.arm == arm), key=lambda t: (scored[arm, t.number].value, t.number))
    score, networks = rounded(scored[arm, trial.number].value), trial.specs[0].parameters["networks"]
    return Chosen(trial.number, score, variant, trial.values, trial.block, networks)


def summary(dataset: str, tuning: Tuning, trials: list[Trial], scored: Scored) -> dict:
    """The content of artifacts/tuning/<dataset>.json."""
    return {
        "dataset": dataset,
        "budget": budget(tuning),
        "metric_sha256": metric_sha256(),
        "score": "mean of log cfid over log updates, mean over seeds; lower is faster",
        "device": trials[0].specs[0].device,
        "trials": {arm: sum(trial.arm == arm for trial in trials) for arm in tuning.arms},
        "chosen": {arm: asdict(choose(arm, tuning.arms[arm].variant, trials, scored)) for arm in tuning.arms},
    }


def budget(tuning: Tuning) -> dict:
    """What every arm had; without a word of the search where it is the random one, as records have been."""
    search = {} if tuning.search == "random" else {"search": tuning.search}
    return {"trials": tuning.trials, "seeds": list(tuning.seeds), "updates": tuning.updates, "split": VAL} | search


def table(dataset: str, trials: list[Trial], scored: Scored) -> str:
    """All trials as CSV: dataset, arm, trial, every knob there is, the score, that of each seed, diverged."""
    names = sorted({name for trial in trials for name in trial.values})
    seeds = [str(spec.seed) for spec in trials[0].specs]
    lines = [",".join(["dataset", "arm", "trial", *names, "score", *(f"seed_{s}" for s in seeds), "diverged"])]
    for trial in trials:
        found = scored[trial.arm, trial.number]
        values = [repr(trial.values[name]) if name in trial.values else "" for name in names]
        scores = [repr(rounded(value)) for value in (found.value, *(found.user_attrs["scores"][s] for s in seeds))]
        row = [dataset, trial.arm, str(trial.number), *values, *scores, str(found.user_attrs["diverged"])]
        lines.append(",".join(row))
    return "\n".join(lines) + "\n"
