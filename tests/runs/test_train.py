"""Many runs side by side: the same bytes whatever the workers, kept, fetched back, resumed and retrained."""

import os
import shutil
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from damage import flip
from digests import digests
from imported import imported
from processes import die, double
from toy_study import PROJECT, TINY_NETWORKS, TINY_TRAIN, write_prepared

from ganspeed.data.pictures import DataError
from ganspeed.data.prepared import load_split
from ganspeed.errors import UserError
from ganspeed.networks.generator import load_generator
from ganspeed.networks.latents import Latents
from ganspeed.params.load import load_params, parse_params
from ganspeed.params.networks import parse_networks
from ganspeed.params.variants import parse_variant
from ganspeed.runs import train
from ganspeed.runs.cache import cached_scores, collect_garbage, stash_run, stash_unnamed
from ganspeed.runs.fingerprint import source_hashes
from ganspeed.runs.images import held_out_images, pictured_images, training_images
from ganspeed.runs.record import read_record, read_weights, write_record
from ganspeed.runs.spec import all_specs, plan_runs
from ganspeed.runs.store import RunStore
from ganspeed.runs.train import groups, train_cell
from ganspeed.study.run_grid import run_grid
from ganspeed.system.devices import device_name
from ganspeed.system.files import read_json, sha256_file, sha256_json, write_json, write_text
from ganspeed.system.processes import map_processes
from ganspeed.training import loop
from ganspeed.training.engines import choose
from ganspeed.training.engines.choose import EAGER, TRACED
from ganspeed.training.loop import one_update


@pytest.fixture
def study(document, tmp_path, monkeypatch):
    """A function: params with changes, over one prepared workspace of digits on a toy scale."""
    monkeypatch.setenv("GANSPEED_WORKERS", "1")  # in this process: starting others takes seconds
    document["datasets"]["digits"]["networks"] = TINY_NETWORKS
    document["datasets"]["digits"]["train"] |= TINY_TRAIN
    document["compare"] |= {"variants": ["gan", "wgan"], "seeds": [0, 1]}
    workspace = write_prepared(document, tmp_path)

    def make(seeds=(0, 1), width=4, **train):
        changed = document | {"compare": document["compare"] | {"seeds": list(seeds)}}
        changed["datasets"] = {"digits": {**document["datasets"]["digits"]}}
        changed["datasets"]["digits"]["train"] = document["datasets"]["digits"]["train"] | train
        changed["datasets"]["digits"]["networks"] = TINY_NETWORKS | {"G": {"width": width}}
        return parse_params(changed), workspace

    return make


def stop():
    raise RuntimeError("seen")


def quiet(specs):
    return []


def trained(study, *, variant="gan", **changes) -> list[int]:
    """The seeds that one train stage really trains."""
    p, workspace = study(**changes)
    return [spec.seed for spec in train_cell(workspace, p, "digits", variant, quiet)]


def test_what_fits_is_kept_and_only_what_is_missing_is_trained(study):
    assert trained(study) == [0, 1]
    assert trained(study) == []
    assert trained(study, seeds=(0, 1, 2)) == [2]
    assert trained(study, seeds=(1, 2)) == []
    assert trained(study, seeds=(0, 1)) == []  # seed 0 comes back from the run cache


def test_the_fingerprint_holds_the_defaults_of_omitted_options(study, document):
    """Writing a default out changes no run; another value does."""

    def fingerprint(**changes) -> str:
        document["variants"]["iterative"] |= changes
        p, workspace = study()
        spec = plan_runs(workspace, p, "cpu", "digits", "iterative")[0]
        assert spec.identity["parameters"]["variant"]["distance"] == "gap"
        return spec.fingerprint

    assert fingerprint() == fingerprint(floor=0.0, sides="two") != fingerprint(floor=0.05)


def test_an_edit_that_is_reverted_trains_nothing(study):
    _, workspace = study()
    trained(study)
    before = digests(workspace.root / "artifacts")
    assert trained(study, width=5) == [0, 1]
    assert digests(workspace.root / "artifacts") != before
    assert trained(study) == []
    assert digests(workspace.root / "artifacts") == before  # provenance came back with the runs


def test_it_says_why_runs_that_nobody_edited_are_trained_again(study, capsys):
    """The runs of another machine, as a clone finds them; then nothing to say: kept, added, fetched back."""
    trained(study)
    _, workspace = study()
    for seed in (0, 1):
        folder = workspace.run("digits", "gan", seed)
        elsewhere = replace(read_record(folder), device="cpu OTHER", versions={"torch": "0.1"})
        write_record(folder, replace(elsewhere, fingerprint=sha256_json(elsewhere.identity)))
    capsys.readouterr()
    assert trained(study) == [0, 1]
    here = device_name(torch.device("cpu")), torch.__version__
    assert capsys.readouterr().err.splitlines() == [
        f"digits gan: trained again: seeds 0, 1: device: 'cpu OTHER' there, '{here[0]}' here; "
        f"versions.torch: '0.1' there, '{here[1]}' here"
    ]
    assert (trained(study), trained(study, seeds=(0, 1, 2)), trained(study, seeds=(0,))) == ([], [2], [])
    assert capsys.readouterr().err == ""


def test_an_edit_of_many_values_is_told_in_a_line(study, capsys):
    trained(study)
    assert trained(study, width=5, grid_ratio=1.4, sample_grids=2, batch_size=9, log_every=3) == [0, 1]
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("digits gan: trained again: seeds 0, 1: parameters.networks.G.width: 4 there, 5 here; ")
    assert line.endswith("; and 1 more")


def test_a_removed_seed_leaves_nothing_behind(study):
    trained(study)
    trained(study, seeds=(1,))
    _, workspace = study()
    assert [p.name for p in workspace.runs("digits", "gan").iterdir()] == ["seed-1"]
    assert not workspace.provenance("digits", "gan", 0).exists()


def test_a_flipped_byte_in_a_kept_run_retrains_that_run(study, capsys):
    trained(study)
    _, workspace = study()
    snapshot = workspace.run("digits", "gan", 1) / "snapshots" / "0000012.safetensors"
    whole = snapshot.read_bytes()
    flip(snapshot)
    capsys.readouterr()
    assert trained(study) == [1]
    assert capsys.readouterr().err == f"digits gan: trained again: seeds 1: {snapshot.parents[1]}: damaged\n"
    assert snapshot.read_bytes() == whole


def test_fresh_really_retrains(study, monkeypatch):
    trained(study)
    for value in ("", "0"):
        monkeypatch.setenv("GANSPEED_FRESH", value)
        assert trained(study) == []
    monkeypatch.setenv("GANSPEED_FRESH", "1")
    assert trained(study) == [0, 1]
    monkeypatch.setenv("GANSPEED_FRESH", "true")
    with pytest.raises(UserError, match="^GANSPEED_FRESH=true: allowed: 1, and 0 or nothing for no$"):
        trained(study)


@pytest.mark.slow
def test_trained_ahead_in_parallel_gives_the_bytes_of_one_at_a_time(study, monkeypatch):
    p, workspace = study()
    for variant in ("gan", "wgan"):
        train_cell(workspace, p, "digits", variant, quiet)
    one_by_one = digests(workspace.artifacts / "runs")
    for variant in ("gan", "wgan"):
        for seed in (0, 1):
            stash_run(workspace, "digits", variant, seed)
    for spec in all_specs(workspace, p, torch.device("cpu")):
        RunStore(workspace).delete(spec)
    monkeypatch.setenv("GANSPEED_WORKERS", "3")
    run_grid(workspace, p, quiet)
    assert trained(study) == trained(study, variant="wgan") == []
    assert digests(workspace.artifacts / "runs") == one_by_one


@pytest.mark.parametrize(
    ("workers", "expected"),
    [(1, ["gan 0", "gan 1", "wgan 0", "wgan 1"]), (2, ["gan 0", "wgan 0", "gan 1", "wgan 1"])],
)
def test_each_process_is_offered_the_seeds_of_one_variant(study, workers, expected):
    p, workspace = study()
    found = groups(all_specs(workspace, p, torch.device("cpu")), workers)
    assert [f"{spec.variant} {spec.seed}" for group in found for spec in group] == expected


def test_seeds_trained_together_are_kept_and_added_to_like_others(study, monkeypatch):
    """One group of two seeds; then a third, alone in its group, ends in the bytes that it has beside the others."""
    monkeypatch.setattr(choose, "WORTH_TRACING", 0)
    assert trained(study) == [0, 1]
    assert trained(study, seeds=(0, 1, 2)) == [2]
    _, workspace = study()
    assert read_json(workspace.run("digits", "gan", 2) / "run.json")["engine"].startswith("traced")
    added = digests(workspace.artifacts / "runs")
    monkeypatch.setenv("GANSPEED_FRESH", "1")
    assert trained(study, seeds=(0, 1, 2)) == [0, 1, 2]
    assert digests(workspace.artifacts / "runs") == added


def test_an_unfinished_run_is_not_taken_for_a_finished_one(study):
    p, workspace = study(seeds=(0,))
    (spec,) = plan_runs(workspace, p, device_name(torch.device("cpu")), "digits", "gan")
    trained(study, seeds=(0,))
    whole = digests(workspace.run("digits", "gan", 0))
    stash_run(workspace, "digits", "gan", 0)
    (RunStore(workspace).cache_folder(spec) / "run" / "run.json").unlink()  # as if killed just before the end
    assert trained(study, seeds=(0,)) == [0]
    assert digests(workspace.run("digits", "gan", 0)) == whole


def test_what_was_being_written_when_it_was_killed_is_no_part_of_the_run(study, monkeypatch):
    p, workspace = study(seeds=(0,))
    (spec,) = plan_runs(workspace, p, device_name(torch.device("cpu")), "digits", "gan")
    trained(study, seeds=(0,))
    whole = digests(workspace.run("digits", "gan", 0))
    RunStore(workspace).delete(spec)
    real_update = one_update

    def dying(state, draws):
        if state.update == 7:  # there is a checkpoint of update 5
            raise KeyboardInterrupt
        return real_update(state, draws)

    monkeypatch.setattr(loop, "one_update", dying)
    with pytest.raises(KeyboardInterrupt):
        trained(study, seeds=(0,))
    monkeypatch.setattr(loop, "one_update", real_update)
    left = RunStore(workspace).cache_folder(spec) / "run" / "snapshots" / ".0000012.safetensors.99.tmp"
    left.write_bytes(b"half")
    assert trained(study, seeds=(0,)) == [0]
    assert digests(workspace.run("digits", "gan", 0)) == whole


def test_the_fingerprint_follows_what_decides_the_bytes_and_nothing_else(study):
    def fingerprint(variant="gan", seed=0, device="cpu X", **train):
        p, workspace = study(seeds=(seed,), **train)
        return plan_runs(workspace, p, device, "digits", variant)[0].fingerprint

    one = fingerprint()
    assert fingerprint() == one
    others = [fingerprint(seed=1), fingerprint(width=5), fingerprint("wgan"), fingerprint(device="cpu Y")]
    assert len({one, *others}) == 5


def test_an_override_is_another_run_and_its_default_written_out_is_none(study, document):
    def fingerprint(**networks) -> str:
        document["variants"]["gan"]["networks"] = networks
        p, workspace = study(seeds=(0,))
        return plan_runs(workspace, p, "cpu X", "digits", "gan")[0].fingerprint

    one = fingerprint()
    for default in (
        {"range": "signed", "labels": "none", "init": {"normal": 0.02}, "latent": {"law": "normal"}},
        {"G": {"norm": "batch", "depth": 2, "dropout": 0.0}, "D": {"norm": "none", "depth": 2, "down": "stride"}},
    ):
        assert fingerprint(**default) == one
    others = [
        {"range": "unit"}, {"labels": "planes"}, {"init": "xavier"}, {"init": {"normal": 0.03}},
        {"latent": {"law": "uniform"}}, {"latent": {"dim": 5}}, {"G": {"norm": "layer"}}, {"G": {"depth": 1}},
        {"D": {"norm": "spectral"}}, {"D": {"depth": 1}}, {"D": {"body": "pyramid"}}, {"D": {"dropout": 0.1}},
    ]  # fmt: skip
    assert len({one, *(fingerprint(**networks) for networks in others)}) == 1 + len(others)
    document["variants"]["gan"]["networks"] = None
    assert plan_runs(study()[1], study()[0], "cpu X", "digits", "gan")[0].fingerprint == one


BODIES = {"G": {"body": "dcgan"}, "D": {"body": "pyramid"}}
PER_PLAYER = {"name": "per_player", "G": {"name": "adam"}, "D": {"name": "sgd"}}
DECIDE_NO_BYTES = {"errors.py", "system/allocator.py", "system/files.py", "training/checkpoints.py", "types.py"}
DECIDE_NO_BYTES |= {"training/engines/choose.py"}  # its answer, the engine's name, is in the fingerprint itself
DECIDE_NO_BYTES |= {  # so are the values of the blocks
    f"params/{name}.py" for name in ("counts", "datasets", "networks", "optimizers", "problems", "rates", "variants")
}


@pytest.mark.parametrize("engine", [EAGER, TRACED])
def test_every_source_that_a_run_goes_through_is_in_its_fingerprint(engine):
    blocks = {
        "networks": BODIES,
        "variant": {"objective": "iterative_penalty", "optimizer": PER_PLAYER},
    }
    named = set(source_hashes(blocks, engine))
    used = {path for name in named for path in imported(name)}
    assert {"networks/generator.py", "objectives/__init__.py", "system/allocator.py"} <= used
    assert used - DECIDE_NO_BYTES <= named and not named & DECIDE_NO_BYTES


def test_a_fingerprint_has_the_files_of_its_own_optimisers(document):
    adam, sgd = {"name": "adam", "lr": 1e-3, "betas": [0.0, 0.9]}, {"name": "sgd", "lr": 1e-3}

    def sources(optimizer: dict) -> set[str]:
        block = parse_variant(document["variants"]["gan"] | {"optimizer": optimizer}).resolved()
        hashes = source_hashes({"networks": BODIES, "variant": block}, EAGER)
        return {name for name in hashes if name.startswith("optimizers/")}

    base = "optimizers/__init__.py"
    assert sources(document["variants"]["gan"]["optimizer"]) == {base, "optimizers/adam.py"}
    assert sources({"name": "per_player", "G": adam, "D": sgd}) == {base, "optimizers/adam.py", "optimizers/sgd.py"}
    assert sources({"name": "sgd", "lr_g": 1e-3, "lr_d": 1e-3}) == {base, "optimizers/sgd.py"}


def test_a_fingerprint_has_the_files_of_its_own_tricks(document):
    def sources(**changes) -> set[str]:
        block = parse_variant(document["variants"]["gan"] | changes).resolved()
        hashes = source_hashes({"networks": BODIES, "variant": block}, EAGER)
        return {name for name in hashes if name.startswith("tricks/")}

    assert sources() == sources(tricks={}) == {"tricks/__init__.py"}
    assert sources(tricks={"image_noise": {"sd": 0.0}}) == {"tricks/__init__.py", "tricks/image_noise.py"}


def test_a_trick_is_another_run_and_each_of_its_keys_counts(study, document):
    def fingerprint(**tricks) -> str:
        document["variants"]["gan"]["tricks"] = tricks
        p, workspace = study(seeds=(0,))
        return plan_runs(workspace, p, "cpu X", "digits", "gan")[0].fingerprint

    sd, until = {"sd": 0.1}, {"sd": 0.1, "until": 0.5}
    assert fingerprint(image_noise=sd) == fingerprint(image_noise=sd | {"until": 0.0})
    assert len({fingerprint(), fingerprint(image_noise=sd), fingerprint(image_noise=until)}) == 3


def test_a_limit_trains_all_variants_on_the_same_first_images(study, monkeypatch):
    """All is the default, written out or not; and what a run is trained on is what its fingerprint says."""
    params, workspace = study(limit=20)
    all_images = study()[0], study(limit=None, denoise=1, problem=None)[0]
    one, other = (plan_runs(workspace, params, "cpu", "digits", name)[0] for name in ("gan", "wgan"))
    without, null = (plan_runs(workspace, p, "cpu", "digits", "gan")[0] for p in all_images)
    assert without.fingerprint == null.fingerprint != one.fingerprint
    read = "data/training_set.py"
    assert read in one.identity["sources"] and read not in without.identity["sources"]
    assert "limit" not in without.parameters["train"] and one.parameters["train"]["limit"] == 20
    few, every = (training_images(spec, workspace, torch.device("cpu")) for spec in (other, without))
    assert len(few[0]) == len(few[1]) == 20 and torch.equal(few[0], every[0][:20])  # one cache, by its keys
    seen = []
    monkeypatch.setattr(train, "TrainingRun", lambda recipe, images, *rest: seen.append(len(images)) or stop())
    with pytest.raises(RuntimeError, match="seen"):
        trained(study, limit=20)
    assert seen == [20]


def test_some_classes_are_another_run_and_the_same_prepared_images(study, document):
    params, workspace = study()
    every = plan_runs(workspace, params, "cpu", "digits", "gan")[0]
    document["datasets"]["digits"]["data"] = document["datasets"]["digits"]["data"] | {"classes": ["8", "1"]}
    one = plan_runs(workspace, study()[0], "cpu", "digits", "gan")[0]
    assert one.fingerprint != every.fingerprint and one.manifest_sha256 == every.manifest_sha256
    assert one.recipe.chosen == one.chosen == (1, 8) and every.chosen == ()
    images, labels = training_images(one, workspace, torch.device("cpu"))
    assert set(labels.tolist()) == {1, 8} and len(images) == len(labels) < 200


def test_pictures_of_a_problem_are_of_held_out_images(study, document):
    device, problem = torch.device("cpu"), {"name": "upscale", "factor": 2}
    params, workspace = study(problem=problem)
    one = plan_runs(workspace, params, "cpu", "digits", "gan")[0]
    images, labels = pictured_images(one, workspace, device)
    held_out = load_split(workspace.prepared("digits"), "val")
    assert np.array_equal(images, held_out[0][:32]) and np.array_equal(labels, held_out[1][:32])
    plain = plan_runs(workspace, study()[0], "cpu", "digits", "gan")[0]
    assert pictured_images(plain, workspace, device) is None
    assert one.parameters["latents"]["image"] == 16 and one.parameters["train"]["problem"] == problem
    assert "problem" not in plain.parameters["train"] and plain.fingerprint != one.fingerprint


def test_a_run_on_a_problem_is_trained_and_recorded_whole(study):
    changes = {"problem": {"name": "mask", "size": 3}, "limit": 100, "denoise": 3}
    assert trained(study, seeds=(0,), **changes) == [0] and trained(study, seeds=(0,), **changes) == []
    _, workspace = study(**changes)
    record = read_record(workspace.run("digits", "gan", 0))
    latents = Latents(**record.latents)
    assert latents.size == 4 + 64 and record.train_block.items() >= changes.items()
    path = workspace.run("digits", "gan", 0) / record.snapshots()[12]
    G = load_generator(path, parse_networks(record.networks_block), (1, 8, 8), latents.size)
    assert G(torch.zeros(2, latents.size)).shape == (2, 1, 8, 8)


def test_an_offset_copy_is_the_run_of_another_seed_under_its_own_name(study, document):
    """A real A/A: a copy of a variant on seeds of its own, paired with the original by its place in the grid."""
    _, workspace = study()
    document["compare"]["seeds"] = [0, 500]
    document["variants"]["copy"] = document["variants"]["gan"] | {"seed_offset": 500}
    p = parse_params(document)
    original, copy = (plan_runs(workspace, p, "cpu X", "digits", name) for name in ("gan", "copy"))
    assert copy[0].fingerprint == original[1].fingerprint != original[0].fingerprint
    assert (copy[0].seed, copy[0].recipe.seed) == (0, 500) and copy[0].recipe == original[1].recipe


def test_the_variants_name_is_no_part_of_the_fingerprint(study, document):
    p, workspace = study()
    document["variants"]["same"] = document["variants"]["gan"]
    renamed = parse_params(document)
    a, b = (
        plan_runs(workspace, q, "cpu X", "digits", name)[0].fingerprint for q, name in ((p, "gan"), (renamed, "same"))
    )
    assert p.datasets == renamed.datasets
    assert a == b


def test_run_json_has_no_clock_and_lists_every_file(study):
    trained(study, seeds=(0,))
    _, workspace = study()
    folder = workspace.run("digits", "gan", 0)
    run = read_json(folder / "run.json")
    assert set(run["files"]) == set(digests(folder)) - {"run.json"}
    assert {"commit", "host", "start", "clock"}.isdisjoint(run)
    provenance = read_json(workspace.provenance("digits", "gan", 0))
    assert {"commit", "dirty", "host", "start", "resumes", "clock"} == set(provenance)
    assert [entry["update"] for entry in provenance["clock"]] == [1, 4, 8, 12]


def test_held_out_images_are_the_first_of_val_and_checked(study):
    trained(study, seeds=(0,))
    params, workspace = study()
    prepared, cpu = workspace.prepared("digits"), torch.device("cpu")
    spec = plan_runs(workspace, params, "cpu", "digits", "gan")[0]
    images, labels = held_out_images(spec, workspace, cpu)
    val, batch = load_split(prepared, "val"), spec.train.batch_size
    assert all(np.array_equal(found, wanted[:batch]) for found, wanted in zip((images, labels), val, strict=True))
    rows = pd.read_csv(workspace.run("digits", "gan", 0) / "history.csv")
    assert rows["probe/score_held_out"].notna().all() and rows["update"].iloc[0] == 0
    flip(prepared / "val_images.npy")
    with pytest.raises(DataError, match="val_images.npy"):
        held_out_images(spec, workspace, cpu)


@pytest.mark.parametrize("worth_tracing", [choose.WORTH_TRACING, 0])
def test_a_run_counts_the_weights_of_both_networks(worth_tracing, study, monkeypatch):
    """By hand. G: dense 4 → 32, two normalisations, two transposed convolutions; D: two convolutions and the score."""
    monkeypatch.setattr(choose, "WORTH_TRACING", worth_tracing)
    trained(study)
    folder = study()[1].run("digits", "gan", 1)
    record = read_record(folder)
    assert record.engine.startswith("eager" if worth_tracing else "traced")
    G = 4 * 32 + 2 * 8 + 8 * 4 * 16 + 2 * 4 + 4 * 16 + 1
    D = 4 * 16 + 4 + 8 * 4 * 16 + 8 + 32 + 1
    assert read_weights(folder, record) == {"G": G, "D": D}
    older = replace(record, files={name: digest for name, digest in record.files.items() if name != "weights.json"})
    assert read_weights(folder, older) is None and older.identity == record.identity


def test_what_params_no_longer_name_is_moved_aside_not_lost(study, document):
    trained(study)
    _, workspace = study()
    table = workspace.scores("digits", "gan", 0)
    table.parent.mkdir(parents=True)
    table.write_text("dataset\n")
    write_json(table.with_suffix(".json"), {"fingerprint": "f" * 64, "sha256": sha256_file(table)})
    document["compare"] |= {"variants": ["wgan"]}
    stash_unnamed(workspace, parse_params(document))
    assert not any((workspace.artifacts / "runs").iterdir())
    assert not any((workspace.artifacts / "scores").iterdir())
    assert cached_scores(workspace, "f" * 64).read_text() == "dataset\n"
    assert trained(study) == []


@pytest.mark.parametrize("content", [None, "", "{}"])
def test_a_run_without_its_provenance_is_kept_and_moved_like_others(content, study):
    trained(study, seeds=(0,))
    _, workspace = study()
    path = workspace.provenance("digits", "gan", 0)
    path.unlink() if content is None else path.write_text(content)
    assert trained(study, seeds=(0,)) == []
    assert trained(study, seeds=(1,)) == [1]
    assert trained(study, seeds=(0,)) == []
    assert path.exists() == (content is not None)


def test_a_run_cache_on_another_disk_works_like_one_in_the_study(study, other_disk):
    _, workspace = study()
    workspace.run_cache.symlink_to(other_disk)
    assert trained(study) == [0, 1]
    before = digests(workspace.artifacts)
    assert trained(study, width=5) == [0, 1]
    assert trained(study) == []
    assert digests(workspace.artifacts) == before
    assert len(list(other_disk.glob("*/run/run.json"))) == len(list(other_disk.glob("*/provenance.json"))) == 2


def test_artifacts_on_another_disk_work_like_those_in_the_study(study, document, other_disk):
    _, workspace = study()
    workspace.artifacts.symlink_to(other_disk)
    assert trained(study) == [0, 1]
    before = digests(workspace.artifacts)
    document["compare"] |= {"variants": ["wgan"]}
    stash_unnamed(workspace, parse_params(document))
    assert digests(workspace.artifacts) == {}
    assert trained(study) == []
    assert digests(workspace.artifacts) == before


def test_names_that_a_file_manager_gives_copies_are_passed_over(study, document):
    trained(study)
    _, workspace = study()
    for name in ("seed-0 (copy)", "seed-1-old", "seed-01", "seed-"):
        shutil.copytree(workspace.run("digits", "gan", 0), workspace.runs("digits", "gan") / name)
    table = workspace.scores("digits", "gan", 0)
    table.parent.mkdir(parents=True)
    table.with_name("seed-0 copy.csv").touch()
    assert trained(study) == []
    assert trained(study, seeds=(1,)) == []
    assert workspace.seeds(workspace.runs("digits", "gan")) == [1]
    document["compare"] |= {"variants": ["wgan"]}
    stash_unnamed(workspace, parse_params(document))
    left = {path.name for path in workspace.runs("digits", "gan").iterdir()}
    assert left == {"seed-0 (copy)", "seed-1-old", "seed-01", "seed-"} and table.with_name("seed-0 copy.csv").exists()


def test_garbage_is_what_no_params_need(study):
    trained(study)
    trained(study, width=5)
    p, workspace = study(width=5)
    needed = {spec.fingerprint for spec in all_specs(workspace, p, torch.device("cpu"))}
    scores = {name: cached_scores(workspace, name * 64) for name in "abc"}
    for name, run in (("a", min(needed)), ("b", "f" * 64)):
        write_text(scores[name], "dataset\n")
        label = {"fingerprint": name * 64, "sha256": sha256_file(scores[name]), "run": {"fingerprint": run}}
        write_json(scores[name].with_suffix(".json"), label)
    write_text(scores["c"].with_suffix(".json"), "")
    assert collect_garbage(workspace, needed) > 0
    assert {path.stem for path in scores["a"].parent.iterdir()} == {"a" * 64}
    assert trained(study, width=5) == []
    assert trained(study) == [0, 1]


def test_what_no_run_is_named_like_is_no_garbage(study, tmp_path):
    """`.runs` may be a link to a folder that holds more."""
    _, workspace = study()
    (tmp_path / "disk/photos").mkdir(parents=True)
    workspace.run_cache.symlink_to(tmp_path / "disk")
    kept = [workspace.run_cache / name for name in ("photos/a.jpg", "scores/bach.pdf", "scores/list.csv")]
    for path in (*kept, workspace.run_cache / ("f" * 64) / "run.json", workspace.machine_code / "code"):
        write_text(path, "mine")
    assert collect_garbage(workspace, set()) == 8
    assert all(path.read_text() == "mine" for path in kept)


def test_bfloat16_is_another_run_that_says_so_and_tf32_needs_a_gpu(study):
    assert trained(study) == [0, 1]
    assert trained(study, precision="bfloat16") == [0, 1]
    _, workspace = study()
    assert read_json(workspace.run("digits", "gan", 0) / "run.json")["precision"] == "bfloat16"
    with pytest.raises(UserError, match=r"^datasets\.digits\.train\.precision: tf32 needs a GPU .* this is cpu "):
        trained(study, precision="tf32")


@pytest.mark.parametrize("count", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_work_that_follows_from_work_is_done_by_the_same_processes(count):
    items = [1, 10]
    done = {}
    for item, result in map_processes(double, items, count):
        done[item] = result
        if result < 30:
            items.append(result)
    assert done == {1: 2, 2: 4, 4: 8, 8: 16, 16: 32, 10: 20, 20: 40}


@pytest.mark.slow
def test_a_killed_worker_is_told_in_words():
    with pytest.raises(UserError, match="a worker process was killed"):
        list(map_processes(die, [1, 2], 2))


@pytest.mark.slow
def test_a_diverged_run_is_a_result_with_exit_status_0(document, tmp_path, monkeypatch):
    """A rate at which the weights leave float32 at once, in a real process; asked again, the stage keeps the result."""
    document["datasets"]["digits"]["networks"] = TINY_NETWORKS
    document["datasets"]["digits"]["train"] |= TINY_TRAIN
    document["variants"]["gan"]["optimizer"] |= {"lr_g": 1e38, "lr_d": 1e38}
    document["compare"] |= {"variants": ["gan"], "seeds": [0]}
    workspace = write_prepared(document, tmp_path)
    script = PROJECT / "pipeline" / "train.py"
    environment = os.environ | {"GANSPEED_DEVICE": "cpu", "MLFLOW_TRACKING_URI": "http://127.0.0.1:1"}
    done = subprocess.run(
        [sys.executable, str(script), "digits", "gan"], cwd=tmp_path, env=environment, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    record = read_json(workspace.run("digits", "gan", 0) / "run.json")
    assert record["status"] == "diverged" and 1 <= record["diverged_at"] <= 12
    monkeypatch.setenv("GANSPEED_DEVICE", "cpu")
    assert train_cell(workspace, load_params(workspace.params), "digits", "gan", quiet) == []
