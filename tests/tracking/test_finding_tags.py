"""Findings are tags of a run in MLflow, by which runs are found."""

import mlflow
from mirrored import history, run_of, spec, write_run

from ganspeed.params.blocks import Diagnosis
from ganspeed.tracking.address import tracking_uri
from ganspeed.tracking.mirror import MirrorSummary, mirror


def test_a_finding_is_a_tag_that_can_be_searched_and_goes_with_its_bound(study, params):
    rows = [row | {"gap": 2e5 if row["update"] >= 20 else 1.0} for row in history(0)]
    write_run(study, spec(params, "gan", 0), rows)
    mirror(study, params)
    assert run_of(study, "gan", 0).data.tags["finding.critic_blow_up"] == "since 20"
    client = mlflow.MlflowClient(tracking_uri(study))
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    found = client.search_runs(experiments, "tags.`finding.critic_blow_up` LIKE 'since%'")
    assert [run.info.run_name for run in found] == ["gan seed 0"]
    assert mirror(study, params) == MirrorSummary(unchanged=4)
    report = params.report.model_copy(update={"diagnosis": Diagnosis(gap=1e6)})
    mirror(study, params.model_copy(update={"report": report}))
    assert not any(name.startswith("finding.") for name in run_of(study, "gan", 0).data.tags)
