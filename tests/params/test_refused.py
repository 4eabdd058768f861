"""What the reference says is refused across keys: every sentence by an edit that it is true of."""

import copy
import re
from pathlib import Path

import pytest

from ganspeed.params.base import ParamsError
from ganspeed.params.load import params_of
from ganspeed.params.reference.keys import CHECKS, keys, refusals

REPLAY = {
    "objective": "replayed_penalty", "n_critic": 1, "schedule": "s.csv", "schedule_sha256": "0" * 64,
    "optimizer": {"name": "sgd", "lr_g": 0.1, "lr_d": 0.1},
}  # fmt: skip
AGP = {
    "objective": "agp", "n_critic": 1, "lambda_0": 1.0, "k_p": 1.0, "k_i": 0.1, "floor": 0.0, "ceiling": 0.5,
    "optimizer": {"name": "sgd", "lr_g": 0.1, "lr_d": 0.1},
}  # fmt: skip
INFOGAN = {
    "objective": "infogan", "n_critic": 1, "categorical": 1000, "continuous": 2, "lambda_info": 1.0,
    "optimizer": {"name": "sgd", "lr_g": 0.1, "lr_d": 0.1},
}  # fmt: skip
NOISY_EBGAN = {
    "objective": "ebgan", "n_critic": 1, "margin": 1.0, "pull_away": 0.0, "tricks": {"image_noise": {"sd": 0.1}},
    "networks": {"D": {"body": "autoencoder"}}, "optimizer": {"name": "sgd", "lr_g": 0.1, "lr_d": 0.1},
}  # fmt: skip
STEP = {"name": "step", "factor": 0.5, "every": 10**6}
CELEBA = {"source": "celeba", "image_size": 64, "holdout": 1000, "split_seed": 0, "attributes": ["Male", "Male"]}
OFFSET = {"variants.gan.seed_offset": 1, "protocol.planned": [{"new": "gan", "reference": "wgan"}]}
TWICE = [{"new": "gan", "reference": "wgan"}] * 2
MLP = {"D": {"body": "mlp", "norm": "instance"}}
WARM = {"steps": 100, "updates": 25, "every": 500}
GROW = {"factor": 2, "every": 300, "largest": 256}
KNOB = {"low": 1e-3, "high": 1e-2, "log": True}

# Words of REFUSED → edits of the shipped params, each refused by a key that has the words.
EDITS: dict[str, list[dict]] = {
    "lambda_0 below a floor": [{"variants.iterative.floor": 1e3}],
    "lambda_0 above a ceiling": [{"variants.mine": AGP}],
    "low above high": [{"variants.gan.real_target": [1.2, 0.7]}, {"variants.least_squares.fake_target": [0.3, 0.0]}],
    "middles that are not 0 <= fake < real <= 1": [
        {"variants.gan.real_target": [0.9, 1.2]}, {"variants.gan.fake_target": [-0.2, 0.1]},
        {"variants.least_squares.real_target": [0.2, 0.2], "variants.least_squares.fake_target": [0.2, 0.2]},
    ],
    "smooth_generator with saturating": [
        {"variants.gan.smooth_generator": True, "variants.gan.saturating": True, "variants.gan.flip": 0.1},
    ],
    "in_turn with an objective without separate terms": [
        {f"variants.{name}.batches": {"real_fake": "in_turn"}} for name in ("wgan", "r1", "iterative")
    ],
    "smooth_generator with nothing to smooth by": [{"variants.gan.smooth_generator": True}],
    "jacobian: low above high": [
        {"variants.gan.tricks": {"jacobian": {"weight": 1.0, "low": 2.0, "high": 1.0, "step": 1.0}}},
    ],
    "a step that is not before the end of a run": [{"variants.gan.optimizer.schedule": STEP}],
    "a warm-up beyond the end of a run": [{"variants.gan.optimizer.schedule": {"name": "warmup", "updates": 10**6}}],
    "a warm start beyond the end of a run": [{"variants.wgan.warm_start": WARM | {"updates": 1201}}],
    "a first update of more than 10,000 steps of D": [
        {"variants.wgan.head_start": 9_999}, {"variants.wgan.head_start": 1, "variants.wgan.n_critic": 10_000},
        {"variants.wgan.head_start": 9_901, "variants.wgan.warm_start": WARM},
    ],
    "a growth that is not before the end of a run": [{"variants.wgan.batches": {"grow": GROW | {"every": 1200}}}],
    "a warm start of no update": [{"variants.wgan.warm_start": WARM | {"updates": 0, "every": 0}}],
    "a largest batch below the first, or no larger": [
        {"variants.wgan.batches": {"grow": GROW | {"largest": 63}}},
        {"variants.wgan.batches": {"D": 300, "grow": GROW}},
        {"variants.wgan.batches": {"G": 256, "D": 256, "grow": GROW}},
    ],
    "a batch of more than the pictures for train": [
        {"variants.wgan.batches": {"G": 804}}, {"variants.wgan.batches": {"D": 804}},
        {"variants.wgan.batches": {"grow": GROW | {"largest": 804}}},
    ],
    "fewer images than a batch of a player": [{"datasets.digits.train.limit": 63}],
    "more images than there are for train": [{"datasets.digits.train.limit": 804}],
    "an unknown class, or one twice": [
        {"datasets.digits.data.classes": ["x"]}, {"datasets.digits.data.classes": ["8", "8"]},
    ],
    "a factor that does not divide the image's side": [
        {"datasets.digits.train.problem": {"name": "upscale", "factor": 3}},
    ],
    "a square as large as an image": [{"datasets.digits.train.problem": {"name": "mask", "size": 8}}],
    "a data set without a problem": [{"variants.gan.tricks": {"content": {"weight": 1.0}}}],
    "a filter as large as an image": [{"datasets.digits.train.denoise": 9}],
    "a file that is not there, too large, or outside the folder of params.yaml": [
        {"variants.mine": REPLAY | {"schedule": "none.csv"}}, {"variants.mine": REPLAY | {"schedule": "../s.csv"}},
    ],
    "another hash than the file has": [{"variants.mine": REPLAY}],
    "names not of small letters, digits and _, or longer than 64": [
        {"datasets.A": {}}, {"variants.A": {}}, {"variants.a" + "a" * 64: {}},
        {"tuning.arms.A_tuned": {"variant": "gan", "own": {}}},
    ],
    "names that do not end in _tuned": [{"tuning.arms.mine": {"variant": "gan", "own": {}}}],
    "what is not defined, or named twice": [
        {f"compare.{kind}": names} for kind, names in {"datasets": ["none"], "variants": ["gan", "gan"]}.items()
    ],
    "a variant that is not defined": [
        {"protocol.references": ["none"]}, {"pilot.variant": "none"}, {"tuning.arms.gan_tuned.variant": "none"},
    ],
    "a seed twice": [{f"{block}.seeds": [1, 1]} for block in ("compare", "pilot", "tuning")],
    "a seed of both pilot and tuning": [{"pilot.seeds": [900]}],
    "a comparison twice, or of a variant with itself": [
        {"protocol.planned": TWICE}, {"protocol.planned": [{"new": "gan", "reference": "gan"}]},
    ],
    "a variant that is not in compare.variants": [
        {"protocol.planned": [{"new": "none", "reference": "gan"}]},
        {"protocol.planned": [{"new": "gan", "reference": "none"}]},
    ],
    "seed_offset of a planned variant": [OFFSET],
    "not tau25 > tau > tau75": [{"datasets.digits.threshold.tau": 1e3}],
    "equal seed and second_seed": [{"datasets.digits.features.seed": 1}, {"datasets.digits.features.second_seed": 0}],
    "log_every above updates": [{"datasets.digits.train.log_every": 10**6}, {"datasets.digits.train.updates": 12}],
    "a variant that is a tuned arm": [
        {"tuning.arms.gan_tuned.variant": "wgan_tuned", "tuning.arms.wgan_tuned.own": {}},
    ],
    "one number of a block twice": [
        {"tuning.arms.wgan_tuned.own": {"lr_g": KNOB}}, {"tuning.arms.wgan_tuned.own": {"optimizer.lr_g": KNOB}},
    ],
    "a knob that an arm's variant lacks": [
        {"tuning.shared.clip": KNOB}, {"tuning.arms.gan_tuned.own": {"lambda_gp": KNOB}},
    ],
    "a knob of networks, warm_start or batches": [
        {"variants.gan.networks": {"D": {"dropout": 0.1}}, "tuning.arms.gan_tuned.own": {"networks.D.dropout": KNOB}},
        {"tuning.shared": {"batches.D": KNOB}}, {"tuning.arms.gan_tuned.own": {"batches.D": KNOB}},
        {"variants.gan.warm_start": WARM, "tuning.arms.gan_tuned.own": {"warm_start.steps": KNOB}},
    ],
    "a grid with one value of a knob": [{"tuning.search": "grid", "tuning.trials": 15}],
    "not low < high": [
        {"tuning.shared.lr_g.low": 1.0}, {"tuning.arms.wgan_tuned.own": {"clip": KNOB | {"high": 1e-3}}},
    ],
    "0 or less with log": [
        {"tuning.shared.lr_g.low": 0.0}, {"tuning.arms.wgan_tuned.own": {"clip": KNOB | {"low": 0.0}}},
    ],
    "what the block of an arm's variant refuses": [
        {"tuning.shared.half_life": {"low": -1.0, "high": 1.0, "log": False}},
        {"tuning.arms.wgan_tuned.own": {"clip": {"low": -1.0, "high": 1.0, "log": False}}},
    ],
    "images halved below one pixel": [
        {f"datasets.digits.networks.{p}.depth": 9} for p in "GD"
    ] + [{"variants.gan.networks": {"D": {"depth": 9}}}],
    "instance on maps of 1x1": [
        {"datasets.digits.networks.G": {"width": 4, "body": "mlp", "norm": "instance"}},
        {"datasets.digits.networks.D": {"width": 4, "hidden": 0, "body": "mlp", "norm": "instance"}},
        {"variants.gan.networks": MLP},
    ],
    "layer on an mlp of width 1": [
        {"datasets.digits.networks.G": {"width": 1, "body": "mlp", "norm": "layer"}},
        {"datasets.digits.networks.D": {"width": 1, "hidden": 0, "body": "mlp", "norm": "layer"}},
        {"variants.gan.networks": {p: {"width": 1, "body": "mlp", "norm": "layer"} for p in "GD"}},
    ],
    "batch in D with an objective that penalises its gradient": [{"datasets.digits.networks.D.norm": "batch"}],
    "spectral with clip": [{"datasets.digits.networks.D.norm": "spectral"}],
    "spectral with autoencoder": [
        {"datasets.digits.networks.D.norm": "spectral", "datasets.digits.networks.D.body": "autoencoder"},
    ],
    "a normalisation of D's first layer": [
        {"datasets.digits.networks.D.norm": "layer", "datasets.digits.networks.D.depth": 1},
    ],
    "an output of D with autoencoder": [
        {"datasets.digits.networks.D.output": "tanh", "datasets.digits.networks.D.body": "autoencoder"},
    ],
    "a body that does not go with the objective": [{"datasets.digits.networks.D.body": "autoencoder"}],
    "what the data set's block would refuse": [{"variants.gan.networks": {"D": {"depth": 0}}}],
    "networks that a trick does not go with": [
        {"variants.gan": NOISY_EBGAN},
        {"variants.gan.networks": {"D": {"norm": "batch"}}, "variants.gan.tricks": {"perturbation": {"radius": 0.1}}},
        {"variants.gan.tricks": {"class_labels": {"smooth": 0.1}}},
    ],
    "more than 20 seeds of variants that are compared": [{"compare.seeds": list(range(21))}],
    "more pictures than a published source has": [{"datasets.digits.data.holdout": 1000}],
    "more than the pictures for train": [{"datasets.digits.train.batch_size": 1000}],
    "an attribute twice": [{"datasets.digits.data": CELEBA}],
    "more than the data set's holdout or samples": [
        {"evaluate.kid_subset_size": 5000}, {"evaluate.mode_min_count": 5000},
    ],
    "as many as holdout, samples or manifold_samples, or more": [{"evaluate.neighbours": 497}],
    "as many dimensions as holdout or samples, or more": [{"datasets.digits.features.dim": 497}],
    "fewer images than a metric asks for": [
        {"datasets.digits.data.holdout": 32}, {"datasets.digits.evaluate.samples": 100},
    ],
    "as few points as neighbours": [{"evaluate.manifold_samples": 10, "evaluate.neighbours": 10}],
    "more than 1,000,000 rows": [{"datasets.digits.train.updates": 10**9}],
    "an array of more than 8 GiB": [
        {"datasets.digits.data": CELEBA | {"attributes": ["Male"]}, "variants.gan.batches": {key: size},
         "datasets.digits.networks.D.width": 64}
        for key, size in (("G", 50_000), ("D", 50_000), ("grow", GROW | {"largest": 50_000}))
    ] + [
        {"variants.infogan": INFOGAN, "compare.variants": ["infogan"], "protocol.references": [],
         "datasets.digits.networks.latent.dim": 2100, "datasets.digits.evaluate.samples": 10**6},
        {"datasets.digits.train.batch_size": 2**16, "datasets.digits.networks.G.width": 1024,
         "datasets.digits.networks.latent.dim": 8192, "datasets.digits.evaluate.samples": 10**6,
         "evaluate.sliced_projections": 10_000},
    ],
}  # fmt: skip
TABLE = {words: paths for check in CHECKS for words, paths in check.REFUSED.items()}


def mentioned(mistakes: list[str]) -> set[str]:
    """The keys that mistakes name anywhere, as the reference has them, or the nearest blocks that it has."""
    known, found = [key.path.split(".") for key in keys()], set()
    for word in re.findall(r"[A-Za-z_][\w.]*\w", " ".join(mistakes)):
        parts = word.split(".")
        while parts and not (hits := [k for k in known if len(k) == len(parts) and all(map(fits, k, parts))]):
            parts.pop()
        found |= {".".join(hit) for hit in hits} if parts else set()
    return found


def fits(pattern: str, part: str) -> bool:
    return pattern in (part, "<name>", "<n>")


def mistakes(document: dict, edit: dict, folder: Path) -> list[str]:
    for path, value in edit.items():
        *parents, key = path.split(".")
        node = document
        for part in parents:
            node = node[part]
        node[key] = value
    with pytest.raises(ParamsError) as caught:
        params_of(document, folder)
    return caught.value.mistakes


def related(one: str, other: str) -> bool:
    """Whether two keys are the same, or one is a block that the other is in."""
    return one == other or one.startswith(f"{other}.") or other.startswith(f"{one}.")


def test_every_sentence_has_an_edit():
    assert EDITS.keys() == TABLE.keys()


@pytest.mark.parametrize("words", EDITS)
def test_the_check_refuses_what_the_reference_says(words, shipped, tmp_path):
    """Each of its edits by a key that has the words; each key that has them is named by a mistake, or edited."""
    (tmp_path / "s.csv").write_text("alpha,lambda\n")
    having, seen = [key for key, found in refusals().items() if words in found], set()
    for edit in EDITS[words]:
        named = mentioned(mistakes(copy.deepcopy(shipped), edit, tmp_path))
        assert any(related(key, other) for key in having for other in named), edit
        seen |= named | mentioned(list(edit))
    assert [key for key in TABLE[words] if not any(related(key, other) for other in seen)] == []
