"""The views on MLflow's page: `speed`, a row for each variant, and `runs`, grouped by variant, as a table or as curves.

MLflow's page stores a shared view as JSON in a tag of the experiment, lists it in the menu "Views", and opens it by a
link that names it. None of that is documented, which is why pyproject.toml bounds the version of MLflow; a page that
does not know the tag says so and shows its default table.
"""

import json
from typing import Any
from urllib.parse import urlencode

from ganspeed.scoring.metrics import DISPLAY_ORDER
from ganspeed.tracking.entities import KIND_TAG, RUN, VARIANT

VIEW_TAG = "mlflow.sharedViewState.{view}"
SPEED, RUNS = "speed", "runs"
LOSSES = "Model metrics"  # MLflow's name for the charts of metrics without a prefix
# Names of ganspeed.compare.summary, which takes seconds to import; a test holds them against it.
TIME_TO_TAU, REACHED, SPEED_UP = "time_to_tau", "reached", "speed_up_over_{reference}"


def views(variants: tuple[str, ...], references: tuple[str, ...], split: str) -> dict[str, str]:
    """The tags of an experiment that hold its views; the latest is the first of the menu."""
    states = {RUNS: _runs(variants, split), SPEED: _speed(references)}
    return {
        VIEW_TAG.format(view=name): json.dumps(
            {"name": name, "createdAt": i, "updatedAt": i, "state": json.dumps(state)}
        )
        for i, (name, state) in enumerate(states.items())
    }


def _speed(references: tuple[str, ...]) -> dict[str, Any]:
    """The runs that sum up a variant, the fastest first."""
    verdict, ratios = ["tags.`verdict`"], []
    for reference in references:
        name = SPEED_UP.format(reference=reference)
        ratios += [f"metrics.`{name}{limit}`" for limit in ("", "_low", "_high")]
    return {
        "searchFilter": _current(VARIANT),
        "orderByKey": f"metrics.`{TIME_TO_TAU}`",
        "orderByAsc": True,
        "selectedColumns": verdict + [f"metrics.`{name}`" for name in (TIME_TO_TAU, REACHED, "n")] + ratios,
        "groupBy": None,
    }


def _runs(variants: tuple[str, ...], split: str) -> dict[str, Any]:
    """Runs grouped by variant and collapsed; cfid and the losses before other curves.

    The page adds charts of all other metrics to the sections with their prefix.
    """
    sections = [split, LOSSES, "diagnostics", "d", "g", "final"]
    shown = (TIME_TO_TAU, REACHED, *(f"final/{metric}" for metric in DISPLAY_ORDER))
    table = {
        "searchFilter": _current(RUN),
        "orderByKey": f"metrics.`{TIME_TO_TAU}`",
        "orderByAsc": True,
        "selectedColumns": ["tags.`status`", *(f"metrics.`{metric}`" for metric in shown)],
        "groupBy": {"aggregateFunction": "average", "groupByKeys": [{"mode": "tag", "groupByData": "variant"}]},
        "groupsExpanded": {f"tag.variant.{variant}": False for variant in variants},
    }
    charts = {
        "useGroupedValuesInCharts": True,
        "isAccordionReordered": True,
        "compareRunSections": [{"uuid": s, "name": s, "display": True, "isReordered": True} for s in sections],
        "compareRunCharts": [_curve(f"{split}/cfid", split, "log"), *(_curve(n, LOSSES) for n in ("d_loss", "g_loss"))],
    }
    return table | charts


def _current(kind: str) -> str:
    return f"tags.current = 'true' AND tags.{KIND_TAG} = '{kind}'"


def view_url(server: str, experiment_id: str, view: str, *, curves: bool = False) -> str:
    """The link to a view on a server such as http://127.0.0.1:5000: the table, or the curves.

    `workflowType` occurs in it twice because the page, which otherwise opens for language models and without metrics,
    reads it before the `#` when it starts and after it when it navigates.
    """
    kind = "workflowType=machine_learning"
    link = f"{server.rstrip('/')}/?{kind}#/experiments/{experiment_id}/runs?{kind}&viewStateShareKey={view}"
    return f"{link}&compareRunsMode=CHART" if curves else link


def comparison_url(server: str, experiment_ids: list[str]) -> str:
    """The link to the variants of several experiments in one table, the fastest first."""
    query = {"searchFilter": _current(VARIANT), "orderByKey": f"metrics.`{TIME_TO_TAU}`", "orderByAsc": "true"}
    query |= {"experiments": json.dumps(experiment_ids), "workflowType": "machine_learning"}
    return f"{server.rstrip('/')}/?workflowType=machine_learning#/compare-experiments/s?{urlencode(query)}"


def _curve(metric: str, section: str, scale: str = "linear") -> dict[str, Any]:
    """A chart of one metric over updates, in the format of the page."""
    named = {"type": "LINE", "uuid": metric, "metricSectionId": section, "metricKey": metric}
    axes = {"scaleType": scale, "xAxisKey": "step", "xAxisScaleType": "linear", "lineSmoothness": 0, "range": {}}
    state = {"runsCountToCompare": 100, "deleted": False, "isGenerated": False}
    return {**named, "selectedMetricKeys": [metric], **axes, **state}
