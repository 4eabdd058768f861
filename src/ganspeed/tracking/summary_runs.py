"""Runs of MLflow that sum up others: one for each variant, one with the report, and one above all earlier runs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganspeed.compare.names import LOG_AREA, REACHED, SPEED_UP, TIME_TO_TAU
from ganspeed.system.files import sha256_file, sha256_json
from ganspeed.tracking.client import Client
from ganspeed.tracking.compared import Cell
from ganspeed.tracking.descriptions import describe_earlier_runs, describe_report, describe_variant
from ganspeed.tracking.entities import EARLIER, NOTE_TAG, REPORT, VARIANT
from ganspeed.tracking.run_files import RunFiles, flat_parameters

if TYPE_CHECKING:
    from ganspeed.compare.comparison import Comparison

REPORT_TAG = "ganspeed.report"  # of the run with the report: the hash of what was uploaded


@dataclass(frozen=True)
class Summary:
    """A run that sums up others, as it should be."""

    kind: str
    name: str
    key: str
    values: dict[str, float] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    parameters: dict[str, str] = field(default_factory=dict)


def variant_summary(comparison: "Comparison", variant: str, runs: Mapping[Cell, RunFiles], of_dvc: str = "") -> Summary:
    """The times of a variant over its runs, and how many times sooner it is than each reference.

    of_dvc: the name of the experiment of DVC, if it is one's, which tells its row from those of others.
    """
    from ganspeed.compare import summary as numbers  # see compared.py

    (found,) = [each for each in numbers.summaries(comparison) if each.variant == variant]
    values = {"n": found.n, REACHED: found.reached, LOG_AREA: found.log_area}
    values |= _with_interval(TIME_TO_TAU, found.time_to_tau, found.low, found.high)
    tags, sentences = {}, []
    for new, reference in comparison.pairs:
        if new == variant:
            row = comparison.primary(new, reference)
            name = SPEED_UP.format(reference=reference)
            values |= _with_interval(name, row.ratio, row.low, row.high)
            tags[f"verdict_over_{reference}"] = numbers.verdict_tag(row)
            sentences.append(row.sentence)
    first = {"verdict": next(iter(tags.values()), "reference")}  # planned comparisons come first
    parameters = next(run.parameters for (name, _), run in sorted(runs.items()) if name == variant)
    return Summary(
        kind=VARIANT,
        name=f"{variant} ({of_dvc})" if of_dvc else variant,
        key=f"{VARIANT} {variant} {sha256_json(parameters)}",
        values={name: float(value) for name, value in values.items() if value is not None},
        tags=first | tags | {NOTE_TAG: describe_variant(found, comparison, [text for text in sentences if text])},
        parameters=flat_parameters(parameters),
    )


def headline_of(comparison: "Comparison") -> str:
    """Who is ahead, and whether that is a verdict."""
    from ganspeed.compare.summary import headline  # see compared.py

    return headline(comparison)


def report_summary(dataset: str, headline: str) -> Summary:
    """The run that has the report as its artifact."""
    return Summary(kind=REPORT, name=f"report: {dataset}", key=REPORT, tags={NOTE_TAG: describe_report(headline)})


def _with_interval(name: str, value: float, low: float | None, high: float | None) -> dict[str, float | None]:
    return {name: value, f"{name}_low": low, f"{name}_high": high}


class SummaryRuns:
    """The runs of one experiment that sum up others."""

    def __init__(self, client: Client, experiment_id: str):
        self._client, self._experiment_id = client, experiment_id
        self._known = client.search_summaries(experiment_id)
        self._written = {EARLIER}

    def write(self, summary: Summary) -> str:
        """Bring one up to date; returns its id."""
        run = self._known.get(summary.key)
        if run and not run.data.metrics.keys() <= summary.values.keys():  # MLflow cannot take a value away
            self._client.delete(run.info.run_id)
            run = None
        if run:
            run_id, tags, metrics = run.info.run_id, run.data.tags, run.data.metrics
        else:
            run_id = self._client.create_summary(self._experiment_id, summary.key, summary.kind, summary.name)
            self._client.log_parameters(run_id, summary.parameters)
            tags, metrics = {}, {}
        self._client.log_values(run_id, summary.values, metrics)
        self._set_tags(run_id, tags, {**summary.tags, "current": "true"})
        self._client.set_parent(run_id, tags, None)
        self._written.add(summary.key)
        return run_id

    def upload_report(self, run_id: str, page: Path) -> None:
        """Upload the report's page to its run, unless it is there already."""
        known, digest = self._known.get(REPORT), sha256_file(page)
        if known is None or known.data.tags.get(REPORT_TAG) != digest:
            self._client.upload(run_id, page)
            self._client.log(run_id, [], {REPORT_TAG: digest})

    def retire(self) -> None:
        """Put all that were not written among the earlier runs."""
        for key, run in list(self._known.items()):
            if key not in self._written:
                self._set_tags(run.info.run_id, run.data.tags, {"current": "false"})
                self.put_among_earlier(run)

    def put_among_earlier(self, run: Any) -> None:
        """Nest one of MLflow's runs under that of the earlier runs, which is made where there is none."""
        if EARLIER not in self._known:  # it stands below the runs of now, which the page sorts by their start
            name = [self._experiment_id, EARLIER, EARLIER, EARLIER, run.info.start_time]
            self._client.log(self._client.create_summary(*name), [], {NOTE_TAG: describe_earlier_runs()})
            self._known |= self._client.search_summaries(self._experiment_id)
        self._client.set_parent(run.info.run_id, run.data.tags, self._known[EARLIER].info.run_id)

    def _set_tags(self, run_id: str, known: Mapping[str, str], wanted: Mapping[str, str]) -> None:
        if changed := {tag: value for tag, value in wanted.items() if known.get(tag) != value}:
            self._client.log(run_id, [], changed)
