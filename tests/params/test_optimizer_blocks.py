"""The block `optimizer` of a variant: what it may say, what is refused, and how a knob of it is named."""

import pytest

from ganspeed.params import knobs
from ganspeed.params.base import ParamsError
from ganspeed.params.load import parse_params
from ganspeed.params.optimizers import names_in
from ganspeed.params.variants import parse_variant

ADAM = {"name": "adam", "lr": 1e-3, "betas": [0.5, 0.9]}
SGD = {"name": "sgd", "lr": 2e-3, "momentum": 0.9}
EQUAL = {"name": "adam", "lr_g": 1e-3, "lr_d": 1e-3, "betas": [0.5, 0.9]}
PER_PLAYER = {"name": "per_player", "G": ADAM, "D": SGD}
NAMES = "'adam', 'adamw', 'optimistic_adam', 'rmsprop', 'sgd'"


def mistakes(document, optimizer, variant: str = "gan", tuned: bool = False) -> list[str]:
    """Of the shipped params with this optimiser; without `tuned` no arm of tuning starts from any variant."""
    document["variants"][variant]["optimizer"] = optimizer
    if not tuned:
        document["tuning"] |= {"shared": {}, "arms": {}}
    try:
        parse_params(document)
    except ParamsError as error:
        return error.mistakes
    return []


@pytest.mark.parametrize(
    "optimizer",
    [
        EQUAL,
        EQUAL | {"name": "adamw", "weight_decay": 0.01, "schedule": {"name": "cosine", "final": 0.1}},
        EQUAL | {"name": "optimistic_adam", "l1": 1e-4, "schedule": {"name": "linear"}},
        {"name": "sgd", "lr_g": 1e-2, "lr_d": 1e-2, "schedule": {"name": "step", "factor": 0.5, "every": 100}},
        PER_PLAYER | {"schedule": {"name": "warmup", "updates": 100}},
        {"name": "per_player", "G": ADAM | {"clip_norm": 1.0}, "D": {"name": "rmsprop", "lr": 1e-3, "alpha": 0.9}},
    ],
)
def test_blocks_that_are_in_order(optimizer, document):
    assert mistakes(document, optimizer) == []


def test_what_a_block_leaves_out_is_neutral(document):
    assert mistakes(document, PER_PLAYER) == []
    block = parse_params(document).variant("gan").optimizer
    assert block.D.model_dump() == {**SGD, "weight_decay": 0.0, "l1": 0.0, "clip_norm": 0.0}
    assert block.schedule.name == "constant"


def test_equal_optimisers_are_each_players_but_for_the_rate():
    block = parse_variant({"objective": "gan", "n_critic": 1, "saturating": False, "optimizer": EQUAL | {"lr_d": 5e-3}})
    assert (block.optimizer.G.lr, block.optimizer.D.lr) == (1e-3, 5e-3)
    assert block.optimizer.G.hyperparameters() == block.optimizer.D.hyperparameters() == {"betas": (0.5, 0.9)}


@pytest.mark.parametrize(
    ("optimizer", "mistake"),
    [
        (EQUAL | {"name": "nadam"}, f"name: 'nadam' is not one of {NAMES}, 'per_player'"),
        (PER_PLAYER | {"D": SGD | {"name": "sdg"}}, f"D.name: 'sdg' is not one of {NAMES}"),
        (PER_PLAYER | {"D": PER_PLAYER}, f"D.name: 'per_player' is not one of {NAMES}"),
        (PER_PLAYER | {"D": SGD | {"momentum": 1.0}}, "D.momentum: 1.0 is not < 1"),
        (PER_PLAYER | {"D": SGD | {"momentum": -0.1}}, "D.momentum: -0.1 is not >= 0"),
        (PER_PLAYER | {"G": ADAM | {"betas": [1.0, 0.9]}}, "G.betas.0: 1.0 is not < 1"),
        (PER_PLAYER | {"G": ADAM | {"betas": [0.5, 1.5]}}, "G.betas.1: 1.5 is not < 1"),
        (PER_PLAYER | {"G": ADAM | {"momentum": 0.5}}, "G.momentum: unknown key"),
        (PER_PLAYER | {"lr_g": 1e-3}, "lr_g: unknown key"),
        ({"name": "per_player", "G": ADAM}, "D: missing"),
        (EQUAL | {"weight_decay": -1.0}, "weight_decay: -1.0 is not >= 0"),
        (EQUAL | {"l1": -1.0}, "l1: -1.0 is not >= 0"),
        (EQUAL | {"clip_norm": -1.0}, "clip_norm: -1.0 is not >= 0"),
        (EQUAL | {"wieght_decay": 0.1}, "wieght_decay: unknown key; did you mean weight_decay?"),
        (EQUAL | {"half_life": 100}, "half_life: unknown key; write schedule: {name: exponential, half_life: ...}"),
        (
            EQUAL | {"schedule": {"name": "cosin"}},
            "schedule.name: 'cosin' is not one of 'constant', 'exponential', 'cosine', 'linear', 'step', 'warmup'",
        ),
        (EQUAL | {"schedule": {"name": "exponential"}}, "schedule.half_life: missing"),
        (EQUAL | {"schedule": {"name": "cosine", "final": 1.5}}, "schedule.final: 1.5 is not <= 1"),
        (EQUAL | {"schedule": {"name": "step", "factor": 1.0, "every": 9}}, "schedule.factor: 1.0 is not < 1"),
        (EQUAL | {"schedule": {"name": "step", "factor": 0.5, "every": 0}}, "schedule.every: 0 is not > 0"),
        (
            EQUAL | {"schedule": {"name": "step", "factor": 0.5, "every": 1200}},
            "schedule.every: 1,200 is not < datasets.digits.train.updates, which is 1,200",
        ),
        (
            PER_PLAYER | {"schedule": {"name": "warmup", "updates": 1201}},
            "schedule.updates: 1,201 is not <= datasets.digits.train.updates, which is 1,200",
        ),
    ],
)
def test_a_block_out_of_order_is_named(optimizer, mistake, document):
    assert mistakes(document, optimizer) == [f"variants.gan.optimizer.{mistake}"]


def test_a_schedule_may_end_with_the_run_and_outside_the_grid_after_it(document):
    assert mistakes(document, EQUAL | {"schedule": {"name": "warmup", "updates": 1200}}) == []
    assert mistakes(document, EQUAL | {"schedule": {"name": "step", "factor": 0.5, "every": 1199}}) == []
    document["compare"]["variants"].remove("gan")
    assert mistakes(document, EQUAL | {"schedule": {"name": "warmup", "updates": 10**6}}) == []


def test_the_optimisers_that_a_block_names():
    assert names_in(EQUAL) == ("adam",)
    assert names_in(PER_PLAYER) == ("adam", "sgd")
    assert names_in(PER_PLAYER | {"G": SGD}) == ("sgd",)


EXPONENTIAL = {"schedule": {"name": "exponential", "half_life": 60.0}}


@pytest.mark.parametrize(
    ("knob", "optimizer", "path"),
    [
        ("lr_g", EQUAL, ("optimizer", "lr_g")),
        ("lr_g", PER_PLAYER, ("optimizer", "G", "lr")),
        ("lr_d", PER_PLAYER, ("optimizer", "D", "lr")),
        ("half_life", EQUAL | EXPONENTIAL, ("optimizer", "schedule", "half_life")),
        ("half_life", PER_PLAYER | EXPONENTIAL, ("optimizer", "schedule", "half_life")),
        ("optimizer.D.momentum", PER_PLAYER, ("optimizer", "D", "momentum")),
        ("optimizer.schedule.half_life", EQUAL | EXPONENTIAL, ("optimizer", "schedule", "half_life")),
        ("lambda_gp", EQUAL, ("lambda_gp",)),
    ],
)
def test_a_knob_is_found_by_its_key_or_its_path(knob, optimizer, path):
    block = {"objective": "wgan_gp", "n_critic": 1, "lambda_gp": 10.0, "optimizer": optimizer}
    assert knobs.path_of(block, knob) == path and knobs.is_number(block, knob)
    changed = knobs.with_values(block, {knob: 0.125})
    assert knobs.value_of(changed, knob) == 0.125 and knobs.value_of(block, knob) != 0.125


@pytest.mark.parametrize(
    "knob", ["half_life", "optimizer.G", "optimizer.G.lr", "momentum", "lr_g.x", "optimizer..lr_g"]
)
def test_what_a_block_does_not_have_is_no_knob(knob):
    block = {"objective": "gan", "n_critic": 1, "optimizer": EQUAL}
    assert not knobs.has(block, knob) and not knobs.is_number(block, knob)
    with pytest.raises(KeyError, match=knob):
        knobs.with_values(block, {knob: 1.0})


def test_a_knob_that_a_block_leaves_to_its_default_is_added_to_it():
    block = {"objective": "gan", "n_critic": 1, "saturating": False, "optimizer": PER_PLAYER}
    complete = parse_variant(block).resolved()
    changed = knobs.with_values(block, {"optimizer.D.clip_norm": 0.5}, complete)
    assert changed["optimizer"]["D"] == SGD | {"clip_norm": 0.5}


@pytest.mark.parametrize(
    ("own", "mistake"),
    [
        ("optimizer.lr_g", "tuning.arms.gan_tuned.own.optimizer.lr_g: the same number as 'lr_g' of variant 'gan'"),
        (
            "optimizer.schedule.half_life",
            "tuning.arms.gan_tuned.own.optimizer.schedule.half_life: the same number as 'half_life' of variant 'gan'",
        ),
    ],
)
def test_one_number_by_two_names_is_refused(own, mistake, document):
    document["tuning"]["arms"]["gan_tuned"]["own"] = {own: {"low": 0.1, "high": 0.2, "log": True}}
    with pytest.raises(ParamsError) as caught:
        parse_params(document)
    assert caught.value.mistakes == [mistake]


def test_a_shared_knob_that_a_schedule_lacks_names_the_schedule(document):
    assert mistakes(document, EQUAL | {"schedule": {"name": "cosine"}}, tuned=True) == [
        "tuning.shared.half_life: a variant with objective 'gan' has no number 'half_life'; its optimizer is adam, its "
        "schedule cosine: take this knob or the arm out of tuning"
    ]
