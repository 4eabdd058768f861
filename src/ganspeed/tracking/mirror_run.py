"""Brings one run of MLflow up to date with the files of a trained run, but for those that are uploaded."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ganspeed.tracking.client import Client
from ganspeed.tracking.descriptions import describe_run
from ganspeed.tracking.entities import KIND_TAG, NOTE_TAG, RUN
from ganspeed.tracking.run_files import FINDING, RunFiles, flat_parameters, row_points

MIRRORED_TAG = "ganspeed.mirrored"  # the hash of all that was mirrored, set last
WITHOUT_FILES = " without files"  # behind that hash, while the files are not mirrored
SCORES_TAG = "ganspeed.scored"  # the hash of the scores, set before they are logged
ROWS_TAG = "ganspeed.rows"  # the number of history rows that were logged without a gap
MLFLOW_STATUS = {"completed": "FINISHED", "diverged": "FAILED"}


@dataclass(frozen=True)
class Mirrored:
    """A run of MLflow, what was done to it, and what was there before: tags, and the latest value of each metric."""

    run_id: str
    action: Literal["added", "updated", "rebuilt", "unchanged"]
    tags: Mapping[str, str]
    metrics: Mapping[str, float]
    has_files: bool


def mirror_run(client: Client, experiment_id: str, run: RunFiles, known: Any | None) -> Mirrored:
    """known: MLflow's own run under this key, if there is one."""
    if known and known.data.tags.get(SCORES_TAG, run.scores_hash) != run.scores_hash:
        client.delete(known.info.run_id)  # MLflow cannot delete points: the old scores would stay beside
        known, action = None, "rebuilt"
    else:
        action = "updated" if known else "added"
    run_id = known.info.run_id if known else client.create(experiment_id, run, {})
    tags, metrics, parameters = (known.data.tags, known.data.metrics, known.data.params) if known else ({}, {}, {})
    mirrored, status = tags.get(MIRRORED_TAG, ""), MLFLOW_STATUS[run.record.status]
    if mirrored.removesuffix(WITHOUT_FILES) == run.content_hash and known.info.status == status:
        if tags.get("current") == "true":
            action = "unchanged"
        else:
            client.log(run_id, [], {"current": "true"})
    else:
        client.set_status(run_id, status)
        mirrored = run.content_hash + WITHOUT_FILES
        _log_missing(client, run_id, run, tags, parameters, mirrored)
    return Mirrored(run_id, action, tags, metrics, mirrored == run.content_hash)


def _log_missing(
    client: Client, run_id: str, run: RunFiles, tags: Mapping[str, str], parameters: Mapping[str, str], mirrored: str
) -> None:
    """Log what MLflow's run, which has these tags and parameters, may lack; then the hash of all that is mirrored."""
    missing = {name: value for name, value in flat_parameters(run.parameters).items() if name not in parameters}
    client.log_parameters(run_id, missing)
    findings = run.finding_tags()
    client.delete_tags(run_id, [name for name in tags if name.startswith(FINDING) and name not in findings])
    before = {"current": "true", KIND_TAG: RUN, NOTE_TAG: describe_run(run, run.outcome, run.split), **run.tags()}
    before |= findings
    client.log(run_id, [], before | ({SCORES_TAG: run.scores_hash} if run.scores_hash else {}))
    history = run.history()
    if tags.get(ROWS_TAG) != str(len(history)):
        points = [point for row in history for point in row_points(row, run.record.train_block)]
        client.log(run_id, points, {ROWS_TAG: str(len(history))})
    client.log(run_id, list(run.score_points()), {MIRRORED_TAG: mirrored})
