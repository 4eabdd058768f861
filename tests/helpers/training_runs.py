"""Short training runs of a recipe: the variants they are of, one alone, and several side by side."""

from itertools import chain, repeat
from pathlib import Path

from shipped_blocks import BLOCKS, one_of_each

from ganspeed.training.checkpoints import Checkpoints
from ganspeed.training.engines import vmapped
from ganspeed.training.loop import TrainingRun, train
from ganspeed.training.state import Outcome

STUDY = ("gan", "wgan", "wgan_gp", "iterative", "iterative_alpha", "iterative_weight")
COVERED = {BLOCKS[variant]["objective"] for variant in STUDY} | {"replayed_penalty"}  # which needs its recording
OTHERS = tuple(variant for variant in one_of_each() if BLOCKS[variant]["objective"] not in COVERED)
VARIANTS = (*STUDY, *OTHERS)  # with a block of every shipped objective among them
OPTIONS = {
    "iterative_sliced": {"reference": "decayed_max", "warmup": 3},
    "iterative_energy": {"reference": "first", "warmup": 3, "floor": 0.1},
    "iterative_gap_over_norm": {"sides": "one", "warmup": 3},
    "gan_spectral": {"real_target": [0.7, 1.2], "fake_target": [0.0, 0.3], "flip": 0.2, "smooth_generator": True},
}
ALL_EXTRAS = {"weight_decay": 0.01, "l1": 1e-4, "clip_norm": 0.5}
BETAS = {"lr_g": 1e-3, "lr_d": 1e-3, "betas": [0.5, 0.9]}
OPTIMIZERS = {  # blocks that no shipped variant has
    "sgd": {"name": "sgd", "lr_g": 1e-2, "lr_d": 1e-2, "momentum": 0.9, "schedule": {"name": "warmup", "updates": 6}},
    "plain_sgd": {"name": "sgd", "lr_g": 1e-2, "lr_d": 1e-2, "schedule": {"name": "step", "factor": 0.5, "every": 3}},
    "adamw": {"name": "adamw", **BETAS, **ALL_EXTRAS, "schedule": {"name": "cosine"}},
    "optimistic_adam": {"name": "optimistic_adam", **BETAS, **ALL_EXTRAS, "schedule": {"name": "linear"}},
    "per_player": {
        "name": "per_player",
        "G": {"name": "adam", "lr": 1e-3, "betas": [0.5, 0.9], "clip_norm": 0.5},
        "D": {"name": "sgd", "lr": 1e-2, "momentum": 0.9, "weight_decay": 0.01},
    },
}
TRACED, COMPILED, ONE_LANE = "traced, 4 lanes", "compiled, 4 lanes", "compiled, 1 lane"


def new_run(recipe, images, folder: Path, on_row=lambda row: None) -> TrainingRun:
    held_out = tuple(tensor[-6:] for tensor in images)
    return TrainingRun(recipe, *images, folder / "run", Checkpoints(folder / "checkpoints", {}), on_row, held_out)


def run(recipe, images, folder: Path, on_row=lambda row: None) -> Outcome:
    """Train this recipe to its end, by the eager loop; the run lies in folder/run."""
    return train(new_run(recipe, images, folder, on_row))


def side_by_side(recipes, images, folder: Path, engine=TRACED, stopping=lambda: False) -> list[Outcome]:
    """The outcomes of these recipes as one group; run k lies in folder/k/run."""
    found = {}
    runs = [new_run(recipe, images, folder / str(k)) for k, recipe in enumerate(recipes)]
    vmapped.train_side_by_side(runs, engine, stopping, found.__setitem__)
    return [found[k] for k in range(len(runs))]


def killed_in(monkeypatch, owner, name: str, update: int) -> list[bool]:
    """This update, counted from here, raises KeyboardInterrupt before it changes anything. Returns all calls."""
    real, asked = getattr(owner, name), chain([False] * (update - 1), [True], repeat(False))
    updates: list[bool] = []

    def dying(*arguments):
        updates.append(next(asked))
        if updates[-1]:
            raise KeyboardInterrupt
        return real(*arguments)

    monkeypatch.setattr(owner, name, dying)
    return updates
