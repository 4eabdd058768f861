"""Open-loop replay: the same run from its own recording, and a schedule that is what its hash says."""

import hashlib
from dataclasses import replace
from functools import partial
from pathlib import Path

import pandas as pd
import pytest
import torch
from closed_forms import Linear, Quadratic, batch
from device_queries import NoAnswer
from digests import digests
from engine_closeness import UPDATES, assert_close_to_the_eager_loop, cautious
from ruamel.yaml import YAML
from toy_study import write
from training_runs import TRACED, killed_in, new_run, run

from ganspeed import cli
from ganspeed.errors import UserError
from ganspeed.objectives import HyperparameterError
from ganspeed.objectives.replayed_penalty import ReplayedPenalty
from ganspeed.params.load import load_params
from ganspeed.params.variants import parse_variant
from ganspeed.runs.fingerprint import IDENTITY
from ganspeed.study.schedules import as_csv, freeze_schedule, schedule
from ganspeed.system.files import sha256_file, sha256_json, write_json
from ganspeed.training import loop
from ganspeed.training.engines import vmapped
from ganspeed.workspace import Workspace

ADAM = {
    "name": "adam", "lr_g": 2e-3, "lr_d": 4e-3, "betas": [0.0, 0.9], "weight_decay": 0.1, "l1": 0.0, "clip_norm": 0.0,
    "schedule": {"name": "exponential", "half_life": 120.0},
}  # fmt: skip
ROWS = [(1, 0.0, 10.0), (2, 0.25, 5.0), (3, 0.75, 1.5)]


def written(path: Path, rows=ROWS) -> dict:
    """A schedule of these rows; the two keys that name it."""
    return keyed(path, "d_update,alpha,lambda\n" + "".join(f"{d},{a},{w}\n" for d, a, w in rows))


def keyed(path: Path, text: str) -> dict:
    path.write_text(text)
    return {"schedule": str(path), "schedule_sha256": hashlib.sha256(path.read_bytes()).hexdigest()}


def pilot(workspace: Workspace, seed: int, histories: dict[str, list], **changes) -> None:
    """The files that a finished run of `iterative` leaves, of made-up values."""
    folder = workspace.run("digits", "iterative", seed)
    variant = {"objective": "iterative_penalty", "n_critic": 2, "sides": "two", "optimizer": ADAM}
    folder.mkdir(parents=True)
    pd.DataFrame(histories).to_csv(folder / "history.csv", index=False)
    record = {"dataset": "digits", "variant": "iterative", "status": "completed", "diverged_at": None}
    record |= {"files": {"history.csv": sha256_file(folder / "history.csv")}}
    record |= dict.fromkeys(IDENTITY, "made up") | {"seed": seed, "sources": {}, "versions": {}}
    record |= {"parameters": {"variant": variant, "train": {"updates": 4}}}
    record |= changes
    record["fingerprint"] = sha256_json({key: record[key] for key in IDENTITY})
    write_json(folder / "run.json", record)


def history(alpha, weight) -> dict[str, list]:
    """Rows of updates 1, 2 and 4 after that of update 0, in which nothing is lost yet."""
    logged = {"diagnostics/alpha": [None, *alpha], "diagnostics/lambda": [None, *weight]}
    return {"update": [0, 1, 2, 4], "d_updates": [0, 2, 4, 8], **logged}


def test_a_run_replayed_from_its_own_recording_is_the_same_run(recipe, images, tmp_path):
    """One critic step an update and every update logged: then nothing between the logged values is made up."""
    original = recipe("iterative", updates=40, train={"log_every": 1}, n_critic=1, warmup=3, beta=0.5)
    run(original, images, tmp_path / "original")
    recorded = pd.read_csv(tmp_path / "original/run/history.csv")
    assert recorded["diagnostics/lambda"].nunique() > 3  # else a constant would replay as well
    keys = keyed(tmp_path / "s.csv", as_csv(schedule([recorded])))
    optimizer = original.variant.optimizer.model_dump()
    block = {"objective": "replayed_penalty", "n_critic": 1, "optimizer": optimizer, **keys}
    run(replace(original, variant=parse_variant(block)), images, tmp_path / "replayed")
    a, b = (digests(tmp_path / name / "run") for name in ("original", "replayed"))
    assert {k: v for k, v in a.items() if k != "history.csv"} == {k: v for k, v in b.items() if k != "history.csv"}
    one, other = (pd.read_csv(tmp_path / name / "run/history.csv", dtype=str) for name in ("original", "replayed"))
    shared = other.columns.drop("probe/fake_term_moved")  # by the weight after the last row: that is in no recording
    pd.testing.assert_frame_equal(other[shared], one[shared])


def test_the_schedule_goes_by_critic_steps_and_holds_its_last_value(tmp_path):
    objective, b, D = ReplayedPenalty(n_critic=5, **written(tmp_path / "s.csv")), batch(), Quadratic(0.3)
    for _, alpha, weight in [*ROWS, ROWS[-1], ROWS[-1]]:
        with NoAnswer():
            terms = objective.discriminator_terms(D, b)
            objective.after_discriminator_step(D)
        x_hat = alpha * b.real + (1 - alpha) * b.fake
        expected = weight * (0.3 * x_hat.flatten(1).norm(dim=1) - 1).square().mean()
        torch.testing.assert_close(terms.loss["penalty"], expected)
        assert {"alpha", "lambda", "penalty", "share", "grad_norm"} == set(terms.diagnostics)


def test_a_replay_does_not_follow_the_distance(tmp_path):
    keys, b = written(tmp_path / "s.csv"), batch()
    seen = []
    for scale in (0.1, 100.0):
        objective, D = ReplayedPenalty(n_critic=5, **keys), Linear(torch.full((1, 8, 8), scale))
        for _ in range(3):
            terms = objective.discriminator_terms(D, b)
            objective.after_discriminator_step(D)
        seen.append((terms.diagnostics["alpha"].item(), terms.diagnostics["lambda"].item()))
    assert seen == [(0.75, 1.5)] * 2


def test_the_position_in_the_schedule_is_part_of_the_checkpoint(tmp_path):
    keys = written(tmp_path / "s.csv")
    one, other = (ReplayedPenalty(n_critic=5, **keys) for _ in range(2))
    one.after_discriminator_step(None)
    one.after_discriminator_step(None)
    other.load_state_dict(one.state_dict())
    assert other.now(other.lambdas).item() == 1.5


def test_another_file_than_the_hashed_one_is_refused(tmp_path):
    keys = written(tmp_path / "s.csv")
    (tmp_path / "s.csv").write_text((tmp_path / "s.csv").read_text() + "4,1.0,0.0\n")
    now = hashlib.sha256((tmp_path / "s.csv").read_bytes()).hexdigest()
    with pytest.raises(HyperparameterError, match=f"schedule_sha256: .*has {now}, expected {keys['schedule_sha256']}"):
        ReplayedPenalty(n_critic=5, **keys)
    with pytest.raises(HyperparameterError, match="schedule: .*gone.csv' cannot be read: No such file"):
        ReplayedPenalty(n_critic=5, **(keys | {"schedule": str(tmp_path / "gone.csv")}))


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "and 0 rows"),
        ([(1, 0.5, 1.0), (3, 0.5, 1.0)], r"row 2: \['3', '0.5', '1.0'\] is not 2"),
        ([(1, 1.5, 1.0)], r"row 1: .* is not 1, alpha in \[0, 1\], lambda >= 0"),
        ([(1, 0.5, -1.0)], "row 1"),
        ([(1, "nan", 1.0)], "row 1"),
        ([(1, "half", 1.0)], "row 1"),
    ],
)
def test_what_is_no_schedule_is_refused_by_its_row(rows, message, tmp_path):
    with pytest.raises(HyperparameterError, match=message):
        ReplayedPenalty(n_critic=5, **written(tmp_path / "s.csv", rows))


def test_check_names_a_schedule_that_is_missing_or_another(document, tmp_path, capsys):
    (tmp_path / "schedules").mkdir()
    keys = written(tmp_path / "schedules/there.csv") | {"schedule": "schedules/there.csv"}
    block = {"objective": "replayed_penalty", "n_critic": 5, "optimizer": ADAM}
    document["variants"] |= {
        "good": block | keys,
        "gone": block | keys | {"schedule": "schedules/gone.csv"},
        "other": block | keys | {"schedule_sha256": "0" * 64},
    }
    with (tmp_path / "params.yaml").open("w") as file:
        YAML().dump(document, file)
    assert cli.main(["--root", str(tmp_path), "check"]) == 2
    seen = hashlib.sha256((tmp_path / "schedules/there.csv").read_bytes()).hexdigest()
    assert capsys.readouterr().err.removeprefix("error: ").splitlines() == [
        "variants.gone.schedule: 'schedules/gone.csv' cannot be read: No such file or directory",
        f"variants.other.schedule_sha256: 'schedules/there.csv' has {seen}, not {'0' * 64}",
    ]


def test_the_schedule_is_the_mean_of_the_runs_linear_between_logged_steps():
    one = pd.DataFrame(history([0.0, 0.2, 1.0], [10.0, 8.0, 0.0]))
    two = pd.DataFrame(history([0.0, 0.4, 0.6], [10.0, 4.0, 2.0]))
    table = schedule([one, two])
    assert list(table["d_update"]) == [1, 2, 3, 4, 5, 6, 7, 8]
    assert list(table["alpha"]) == pytest.approx([0, 0, 0.15, 0.3, 0.425, 0.55, 0.675, 0.8])
    assert list(table["lambda"]) == pytest.approx([10, 10, 8, 6, 4.75, 3.5, 2.25, 1])
    pd.testing.assert_frame_equal(schedule([two, one]), table, check_exact=True)


@pytest.mark.parametrize("own", [None, {"D": {"norm": "layer"}, "labels": "planes"}])
def test_the_printed_block_trains_on_the_networks_of_the_runs(own, document, tmp_path, capsys):
    document["variants"]["iterative"] |= {"networks": own} if own else {}
    workspace = write(document, tmp_path)
    networks = load_params(workspace.params).networks("digits", "iterative")
    variant = {"objective": "iterative_penalty", "n_critic": 2, "sides": "two", "optimizer": ADAM}
    parameters = {"variant": variant, "train": {"updates": 4}, "networks": networks.model_dump(mode="json")}
    pilot(workspace, 800, history([0.0, 0.4, 1.0], [10.0, 5.0, 0.0]), parameters=parameters)
    assert cli.main(["--root", str(tmp_path), "freeze-schedule", "digits", "iterative"]) == 0
    printed = YAML(typ="safe").load(capsys.readouterr().out.split("\n\n", 2)[2])
    assert printed["iterative_replay"].get("networks") == own
    document["variants"] |= printed
    assert load_params(write(document, tmp_path).params).networks("digits", "iterative_replay") == networks


def test_the_command_writes_a_schedule_and_prints_a_valid_block(document, tmp_path, capsys):
    workspace = Workspace(tmp_path)
    for seed, alpha in ((801, 0.2), (800, 0.4)):
        pilot(workspace, seed, history([0.0, alpha, 1.0], [10.0, 5.0, 0.0]))
    assert cli.main(["--root", str(tmp_path), "freeze-schedule", "digits", "iterative"]) == 0
    out = capsys.readouterr().out
    assert "8 discriminator updates, mean of seeds 800, 801" in out
    document["variants"] |= YAML(typ="safe").load(out.split("\n\n", 2)[2])
    document["compare"]["variants"].append("iterative_replay")
    with (tmp_path / "params.yaml").open("w") as file:
        YAML().dump(document, file)
    block = load_params(tmp_path / "params.yaml").variant("iterative_replay")
    objective = ReplayedPenalty(**block.hyperparameters() | {"schedule": str(tmp_path / block.schedule)})
    assert objective.alphas[3].item() == pytest.approx(0.3)
    assert block.optimizer.model_dump(mode="json") == ADAM


def test_only_whole_finished_pilot_runs_of_one_recipe_make_a_schedule(tmp_path):
    workspace, values = Workspace(tmp_path), history([0.0, 0.5, 1.0], [10.0, 5.0, 0.0])
    with pytest.raises(UserError, match="no finished run; train the variant with seeds from 800 on"):
        freeze_schedule(workspace, "digits", "iterative")
    for seed in (800, 3, 1):
        pilot(workspace, seed, values)
    with pytest.raises(UserError, match="seeds 1, 3 are not pilot seeds, which are 800-899"):
        freeze_schedule(workspace, "digits", "iterative")
    assert not (tmp_path / "schedules").exists()

    def with_801(**changes) -> Workspace:
        fresh = Workspace(tmp_path / str(len(list(tmp_path.iterdir()))))
        pilot(fresh, 800, values)
        pilot(fresh, 801, changes.pop("values", values), **changes)
        return fresh

    damaged = with_801()
    with (damaged.run("digits", "iterative", 801) / "history.csv").open("a") as file:
        file.write("5,10,1.0,0.0\n")
    with pytest.raises(UserError, match="seed-801/history.csv: damaged"):
        freeze_schedule(damaged, "digits", "iterative")
    with pytest.raises(UserError, match="seeds 801 diverged"):
        freeze_schedule(with_801(status="diverged", diverged_at=3), "digits", "iterative")
    with pytest.raises(UserError, match="seeds 801 were trained with other parameters than seed 800"):
        freeze_schedule(with_801(parameters={}), "digits", "iterative")
    bare = {k: v for k, v in values.items() if k != "diagnostics/lambda"}
    with pytest.raises(UserError, match="log no diagnostics/lambda"):
        freeze_schedule(with_801(values=bare), "digits", "iterative")


@pytest.fixture
def replay(document, recipe, tmp_path):
    """A function: the recipe of a replay, with changes; its schedule has a row for each of D's first steps."""
    rows = [(step, 0.25 + step / 100, 10 / step) for step in range(1, 25)]
    block = {"objective": "replayed_penalty", "n_critic": 2, "optimizer": document["variants"]["wgan_gp"]["optimizer"]}
    document["variants"]["replay"] = block | written(tmp_path / "schedule.csv", rows)
    return partial(recipe, "replay")


def test_the_traced_engine_is_close_to_the_eager_loop(replay, images, tmp_path):
    (lane,) = made = [new_run(cautious(replay(updates=UPDATES)), images, tmp_path / "lane")]
    vmapped.train_side_by_side(made, TRACED, lambda: False, lambda place, outcome: None)
    assert_close_to_the_eager_loop(lane, images, tmp_path / "eager")


def test_a_killed_replay_resumes_to_the_same_bytes(replay, images, tmp_path, monkeypatch):
    run(replay(), images, tmp_path / "undisturbed")
    killed_in(monkeypatch, loop, "one_update", 9)
    with pytest.raises(KeyboardInterrupt):
        run(replay(), images, tmp_path / "killed")
    run(replay(), images, tmp_path / "killed")
    assert digests(tmp_path / "killed" / "run") == digests(tmp_path / "undisturbed" / "run")
