"""The view on MLflow's page: an experiment's runs grouped by variant, as a table of scores or as curves.

MLflow's page stores a shared view as JSON in a tag of the experiment and opens it by a link that names it. Neither is
documented, which is why pyproject.toml bounds the version of MLflow; a page that does not know the tag says so and
shows its default table.
"""

import json
from typing import Any

from ganspeed.scoring.metrics import DISPLAY_ORDER

VIEW = "ganspeed"
VIEW_TAG = f"mlflow.sharedViewState.{VIEW}"
LOSSES = "Model metrics"  # MLflow's name for the charts of metrics without a prefix


def view_state(variants: tuple[str, ...], split: str) -> str:
    """The view as JSON: current runs only, grouped by variant and collapsed; cfid and the losses before other curves.

    The page adds charts of all other metrics to the sections with their prefix.
    """
    sections = [split, LOSSES, "diagnostics", "d", "g", "final"]
    table = {
        "searchFilter": "tags.current = 'true'",
        "orderByKey": "metrics.`final/cfid`",
        "orderByAsc": True,
        "selectedColumns": ["tags.`status`", *(f"metrics.`final/{metric}`" for metric in DISPLAY_ORDER)],
        "groupBy": {"aggregateFunction": "average", "groupByKeys": [{"mode": "tag", "groupByData": "variant"}]},
        "groupsExpanded": {f"tag.variant.{variant}": False for variant in variants},
    }
    charts = {
        "useGroupedValuesInCharts": True,
        "isAccordionReordered": True,
        "compareRunSections": [{"uuid": s, "name": s, "display": True, "isReordered": True} for s in sections],
        "compareRunCharts": [_curve(f"{split}/cfid", split, "log"), *(_curve(n, LOSSES) for n in ("d_loss", "g_loss"))],
    }
    return json.dumps(table | charts)


def view_url(server: str, experiment_id: str, *, curves: bool = False) -> str:
    """The link to the view on a server such as http://127.0.0.1:5000: the table, or the curves.

    `workflowType` occurs in it twice because the page, which otherwise opens for language models and without metrics,
    reads it before the `#` when it starts and after it when it navigates.
    """
    kind = "workflowType=machine_learning"
    link = f"{server.rstrip('/')}/?{kind}#/experiments/{experiment_id}/runs?{kind}&viewStateShareKey={VIEW}"
    return f"{link}&compareRunsMode=CHART" if curves else link


def _curve(metric: str, section: str, scale: str = "linear") -> dict[str, Any]:
    """A chart of one metric over updates, in the format of the page."""
    named = {"type": "LINE", "uuid": metric, "metricSectionId": section, "metricKey": metric}
    axes = {"scaleType": scale, "xAxisKey": "step", "xAxisScaleType": "linear", "lineSmoothness": 0, "range": {}}
    state = {"runsCountToCompare": 100, "deleted": False, "isGenerated": False}
    return {**named, "selectedMetricKeys": [metric], **axes, **state}
