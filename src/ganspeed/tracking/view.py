"""The views on MLflow's page.

`speed`: a row for each variant; `runs`: grouped by variant, as a table or as curves; `samples`: one run of each variant
with its pictures, over a slider.

MLflow's page stores a shared view as JSON in a tag of the experiment, lists it in the menu "Views", and opens it by a
link that names it. None of that is documented, which is why pyproject.toml bounds the version of MLflow; a page that
does not know the tag says so and shows its default table.
"""

import json
from typing import Any
from urllib.parse import urlencode

from ganspeed.compare.names import REACHED, SPEED_UP, TIME_TO_TAU
from ganspeed.params.blocks import Params
from ganspeed.scoring.metrics import DISPLAY_ORDER, FED
from ganspeed.tracking.entities import KIND_TAG, PICTURE_KEY, RUN, VARIANT

VIEW_TAG = "mlflow.sharedViewState.{view}"
SPEED, RUNS, SAMPLES = "speed", "runs", "samples"
LOSSES = "Model metrics"  # MLflow's name for the charts of metrics without a prefix
NARROW = 95  # pixels of a column: as many as fit the page
SHOWN = {"runsCountToCompare": 100, "deleted": False, "isGenerated": False}  # of every chart


def views(dataset: str, params: Params) -> dict[str, str]:
    """The tags of a data set's experiment that hold its views; the last is the first of the menu."""
    grid = params.compare
    states = {
        SAMPLES: _samples(grid.seeds[0], params.dataset(dataset).train.updates),
        RUNS: _runs(grid.variants, params.evaluate.split, _metrics(dataset, params)),
        SPEED: _speed(params.protocol.references),
    }
    named = enumerate(states.items())
    found = {
        name: {"name": name, "createdAt": i, "updatedAt": i, "state": json.dumps(state)} for i, (name, state) in named
    }
    return {VIEW_TAG.format(view=name): json.dumps(view) for name, view in found.items()}


def _speed(references: tuple[str, ...]) -> dict[str, Any]:
    """The runs that sum up a variant; what answers the question comes first, since a narrow page cuts the rest off."""
    names = [SPEED_UP.format(reference=reference) for reference in references]
    ratios = [name + limit for name in names for limit in ("", "_low", "_high")]
    return _table(VARIANT, "verdict", (TIME_TO_TAU, *ratios[:3], REACHED, "n", *ratios[3:])) | {"groupBy": None}


def _metrics(dataset: str, params: Params) -> list[str]:
    """The metrics that some variant of the grid may have: those of what G was asked for only where one is asked."""
    cells = [(params.networks(dataset, name), params.variant(name)) for name in params.compare.variants]
    fed = {"classes"} if any(networks.labels == "planes" for networks, _ in cells) else set()
    if any(variant.hyperparameters().get("categorical") for _, variant in cells):
        fed.add("categorical")
    if params.dataset(dataset).train.problem:
        fed.add("image")
    return [metric for metric in DISPLAY_ORDER if FED.get(metric) in {None, *fed}]


def _runs(variants: tuple[str, ...], split: str, metrics: list[str]) -> dict[str, Any]:
    """Runs grouped by variant and collapsed; cfid and the losses before other curves.

    The page adds charts of all other metrics to the sections with their prefix.
    """
    sections, shape = [split, LOSSES, "diagnostics", "d", "g", "final"], {"isReordered": True, "columns": 2}
    shown = (TIME_TO_TAU, REACHED, *(f"final/{metric}" for metric in metrics))
    groups = {
        "groupBy": {"aggregateFunction": "average", "groupByKeys": [{"mode": "tag", "groupByData": "variant"}]},
        "groupsExpanded": {f"tag.variant.{variant}": False for variant in variants},
    }
    charts = {
        "useGroupedValuesInCharts": True,
        "isAccordionReordered": True,
        "compareRunSections": [{"uuid": s, "name": s, "display": True} | shape for s in sections],
        "compareRunCharts": [_curve(f"{split}/cfid", split, "log"), *(_curve(n, LOSSES) for n in ("d_loss", "g_loss"))],
    }
    return _table(RUN, "status", shown) | groups | charts


def _samples(seed: int, updates: int) -> dict[str, Any]:
    """The pictures of one run of each variant, beginning with the last ones: groups have no pictures."""
    section = {"uuid": SAMPLES, "name": SAMPLES, "display": True, "isReordered": True, "columns": 1, "cardHeight": 500}
    grid = {"type": "IMAGE", "uuid": SAMPLES, "metricSectionId": SAMPLES, "imageKeys": [PICTURE_KEY], "step": updates}
    return _table(RUN, "status", (TIME_TO_TAU,)) | {
        "searchFilter": f"{_current(RUN)} AND tags.seed = '{seed}'",
        "groupBy": None,
        "isAccordionReordered": True,
        "runListHidden": True,
        "compareRunSections": [section],
        "compareRunCharts": [grid | SHOWN | {"showRunParams": False}],
    }


def _table(kind: str, tag: str, metrics: tuple[str, ...]) -> dict[str, Any]:
    """Current runs of a kind, the soonest at tau first, with these columns from the left.

    The page shows the column of durations in any case: behind the others here.
    """
    columns = [f"tags.`{tag}`", *(f"metrics.`{metric}`" for metric in metrics)]
    return {
        "searchFilter": _current(kind),
        "orderByKey": f"metrics.`{TIME_TO_TAU}`",
        "orderByAsc": True,
        "selectedColumns": columns,
        "columnOrder": [*columns, "duration"],
        "columnWidths": dict.fromkeys(columns, NARROW),
    }


def _current(kind: str) -> str:
    return f"tags.current = 'true' AND tags.{KIND_TAG} = '{kind}'"


def view_url(server: str, experiment_id: str, view: str, *, charts: bool = False) -> str:
    """The link to a view on a server such as http://127.0.0.1:5000: the table, or the charts.

    `workflowType` occurs in it twice because the page, which otherwise opens for language models and without metrics,
    reads it before the `#` when it starts and after it when it navigates.
    """
    kind = "workflowType=machine_learning"
    link = f"{server.rstrip('/')}/?{kind}#/experiments/{experiment_id}/runs?{kind}&viewStateShareKey={view}"
    return f"{link}&compareRunsMode=CHART" if charts else link


def comparison_url(server: str, experiment_ids: list[str]) -> str:
    """The link to the variants of several experiments in one table, the soonest at tau first."""
    query = {"searchFilter": _current(VARIANT), "orderByKey": f"metrics.`{TIME_TO_TAU}`", "orderByAsc": "true"}
    query |= {"experiments": json.dumps(experiment_ids), "workflowType": "machine_learning"}
    return f"{server.rstrip('/')}/?workflowType=machine_learning#/compare-experiments/s?{urlencode(query)}"


def _curve(metric: str, section: str, scale: str = "linear") -> dict[str, Any]:
    """A chart of one metric over updates, in the format of the page."""
    named = {"type": "LINE", "uuid": metric, "metricSectionId": section, "metricKey": metric}
    axes = {"scaleType": scale, "xAxisKey": "step", "xAxisScaleType": "linear", "lineSmoothness": 0, "range": {}}
    return {**named, "selectedMetricKeys": [metric], **axes, **SHOWN}
