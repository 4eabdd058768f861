"""The tables of what was run."""

import dataclasses

import made_up
import pytest

from ganspeed.params.networks import Networks, resolved
from ganspeed.report.read import read_results
from ganspeed.report.sections.what_was_run import costs, datasets, variants
from ganspeed.report.tables import NONE


def texts(table) -> list[dict[str, str]]:
    ((_, rows),) = table.groups
    return [dict(zip(table.head, (cell.text for cell in row), strict=True)) for row in rows]


@pytest.fixture
def everything(tmp_path):
    """Two data sets with other networks, of which one variant overrides keys."""
    own = {"gan": {"D": {"norm": "layer"}, "init": "xavier"}}
    workspace, params = made_up.write_study(tmp_path, datasets=("digits", "mnist"), networks=own)
    small, mnist = read_results(workspace, params)
    wide = Networks.model_validate(made_up.DATASET["networks"] | {"G": {"width": 32, "norm": "layer"}})
    runs = []
    for run in mnist.runs:
        networks = wide.model_dump(mode="json")
        if run.variant == "gan":
            networks |= {"D": networks["D"] | own["gan"]["D"], "init": "xavier"}
        networks = resolved(Networks.model_validate(networks), 8).model_dump(mode="json")
        record = dataclasses.replace(run.record, parameters=run.record.parameters | {"networks": networks})
        runs.append(dataclasses.replace(run, record=record))
    return [small, dataclasses.replace(mnist, runs=tuple(runs), networks=resolved(wide, 8))]


def test_networks_stand_with_the_data_set_and_overrides_with_the_variant(everything):
    assert [row["networks"] for row in texts(datasets(everything))] == [
        "latent.dim 32; G.width 16; G.depth 2; D.width 16; D.hidden 0; D.depth 2",
        "latent.dim 32; G.width 32; G.depth 2; G.norm layer; D.width 16; D.hidden 0; D.depth 2",
    ]
    found = {row["variant"]: row["parameters"] for row in texts(variants(everything))}
    assert found["gan"].endswith("; networks.D.norm layer; networks.init xavier")
    assert not any("networks" in found[name] for name in ("wgan_gp", "iterative"))


def test_overrides_that_differ_between_data_sets_have_a_row_each(everything):
    digits, mnist = everything
    base = mnist.networks.model_copy(update={"init": "xavier"})  # which the variant then does not change
    table = variants([digits, dataclasses.replace(mnist, networks=base)])
    ((_, rows),) = table.groups
    assert [row[0].below for row in rows if row[0].text == "gan"] == ["on digits", "on mnist"]


def test_costs_are_weights_and_what_the_clock_found(everything):
    digits, mnist = everything
    runs = [dataclasses.replace(run, seconds_per_update=0.25) for run in digits.runs]
    timed = dataclasses.replace(digits, runs=tuple(runs), sampling_seconds=dict.fromkeys(digits.variants, 0.0625))
    first, *_, last = texts(costs([timed, mnist]))
    assert (first["s per update"], first["s per 1,000 samples"]) == ("0.250", "0.0625")
    assert (last["s per update"], last["s per 1,000 samples"]) == (NONE, NONE)
    weights = digits.runs[0].weights
    assert (
        (first["weights of G"], first["of D"]) == (NONE, NONE)
        if weights is None
        else (
            f"{weights['G']:,}",
            f"{weights['D']:,}",
        )
    )
