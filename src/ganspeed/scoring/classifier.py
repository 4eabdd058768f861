"""The metric classifier: a small network trained in the pipeline, whose penultimate features the metrics are based on.

The features are taken *before* the last ReLU and standardised over the training images (BatchNorm without an affine
part): each then has equal weight in a distance, and they are nearer to the Gaussian that a Fréchet distance assumes
than rectified values, of which about half are exactly 0. On a data set without classes the task is to predict by which
of four quarter turns an image was rotated (Gidaris et al. 2018, 1803.07728).

There are two classifiers that differ only in their seed: what one finds and the other does not is no property of the
images.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_weights

from ganspeed.errors import UserError
from ganspeed.scoring.embedded import Embedded
from ganspeed.system.files import read_json, sha256_file

CLASSIFIER, REFERENCE, ACCURACY = "classifier.safetensors", "reference.safetensors", "accuracy.json"
MIN_MAP_SIZE = 4  # convolutions halve the feature maps down to this size
EMBED_BATCH = 500  # images embedded at a time
Which = Literal["first", "second"]  # of the two classifiers; every metric but cfid_second uses the first


class FeaturesError(UserError):
    """The metric classifier is missing, damaged or not good enough."""


@dataclass(frozen=True)
class Architecture:
    """What a classifier is built from; `task` is "classes" or "rotations", of which there are `outputs`."""

    shape: tuple[int, int, int]
    dim: int
    width: int
    task: str
    outputs: int


class Classifier(nn.Module):
    """Images (N, C, H, W) in [-1, 1] → features (N, dim) → logits (N, outputs)."""

    def __init__(self, architecture: Architecture):
        super().__init__()
        self.architecture = architecture
        (channels, size, _), width = architecture.shape, architecture.width
        layers: list[nn.Module] = []
        stride = 1 if size == 8 else 2  # the smallest images keep their size in the first layer
        while size > MIN_MAP_SIZE:
            layers += [nn.Conv2d(channels, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
            channels, size, width, stride = width, -(-size // stride), 2 * width, 2
        self.body = nn.Sequential(*layers, nn.Flatten(), nn.Linear(channels * size**2, architecture.dim, bias=False))
        self.standardise = nn.BatchNorm1d(architecture.dim, affine=False)
        self.head = nn.Linear(architecture.dim, architecture.outputs)

    def features(self, x: Tensor) -> Tensor:
        return self.standardise(self.body(x))

    def logits(self, features: Tensor) -> Tensor:
        return self.head(F.relu(features))

    def forward(self, x: Tensor) -> Tensor:
        return self.logits(self.features(x))

    def fold(self) -> None:
        """Fold each normalisation into the layer before it, which is faster; the network cannot be trained any more."""
        layers: list[nn.Module] = []
        for layer in self.body:
            if isinstance(layer, nn.BatchNorm2d):
                layers[-1] = fuse_conv_bn_eval(layers[-1], layer)
            else:
                layers.append(layer)
        last, norm = layers[-1], self.standardise
        no_affine = torch.ones_like(norm.running_var), torch.zeros_like(norm.running_mean)
        fused = fuse_linear_bn_weights(last.weight, None, norm.running_mean, norm.running_var, norm.eps, *no_affine)
        last.weight, last.bias = fused
        self.body, self.standardise = nn.Sequential(*layers), nn.Identity()


@torch.inference_mode()
def embed(classifier: Classifier, images: Iterable[Tensor]) -> Embedded:
    """Features and class probabilities, float32, of images given in batches (n, C, H, W) on any device.

    The probabilities are None where the classifier predicts rotations.
    """
    device = classifier.head.weight.device
    features = torch.cat([classifier.features(x.to(device)) for x in images])
    return Embedded(features.cpu().numpy(), probabilities(classifier, features))


def probabilities(classifier: Classifier, features: Tensor) -> np.ndarray | None:
    """Class probabilities (N, K) by features (N, dim); None where the classifier predicts rotations."""
    if classifier.architecture.task != "classes":
        return None
    return F.softmax(classifier.logits(features), dim=1).cpu().numpy()


def batches(images: np.ndarray) -> Iterator[Tensor]:
    """An array of images (N, C, H, W), memory-mapped or not, as float32 tensors of at most EMBED_BATCH images."""
    for start in range(0, len(images), EMBED_BATCH):
        yield torch.from_numpy(np.array(images[start : start + EMBED_BATCH], dtype=np.float32))


def save(folder: Path, which: Which, classifier: Classifier, held_out: dict[str, tuple[Embedded, np.ndarray]]) -> None:
    """Write a classifier, and the embedded images and labels (N,) of val and test, into a features folder."""
    tensors = {}
    for split, (embedded, labels) in held_out.items():
        parts = {"features": embedded.features, "probabilities": embedded.probabilities, "labels": labels}
        tensors |= {f"{split}_{k}": torch.from_numpy(np.array(v)) for k, v in parts.items() if v is not None}
    save_file({k: v.cpu() for k, v in classifier.state_dict().items()}, folder / file_name(CLASSIFIER, which))
    save_file(tensors, folder / file_name(REFERENCE, which))


def load_classifier(folder: Path, device: torch.device | str = "cpu", which: Which = "first") -> Classifier:
    """A classifier of a features folder, folded, in eval mode. Raises FeaturesError when it is missing or damaged."""
    name = file_name(CLASSIFIER, which)
    facts = verified(folder, name)
    dim, width = (facts["settings"][key] for key in ("dim", "width"))
    classifier = Classifier(Architecture(tuple(facts["shape"]), dim, width, facts["task"], facts["outputs"]))
    classifier.load_state_dict(load_file(folder / name))
    classifier.eval().fold()
    return classifier.to(device).requires_grad_(False)


def load_reference(folder: Path, split: str, which: Which = "first") -> tuple[Embedded, np.ndarray]:
    """The embedded images of val or test, and their labels (N,). Raises FeaturesError when missing or damaged."""
    name = file_name(REFERENCE, which)
    verified(folder, name)
    tensors = {key: tensor.numpy() for key, tensor in load_file(folder / name).items()}
    probabilities = tensors.get(f"{split}_probabilities")  # none where the task is rotations
    return Embedded(tensors[f"{split}_features"], probabilities), tensors[f"{split}_labels"]


def verified(folder: Path, *names: str) -> dict:
    """The content of accuracy.json, after the hashes of these files were checked against it. Raises FeaturesError."""
    if not (folder / ACCURACY).exists():
        raise FeaturesError(f"{folder / ACCURACY}: no such file; the stage features writes it")
    facts = read_json(folder / ACCURACY)
    for name in names:
        path, expected = folder / name, facts[f"{Path(name).stem}_sha256"]
        if not path.exists():
            raise FeaturesError(f"{path}: no such file; the stage features writes it")
        if (seen := sha256_file(path)) != expected:
            raise FeaturesError(f"{path}: its SHA-256 is {seen}; {ACCURACY} says {expected}")
    return facts


def file_name(name: str, which: Which) -> str:
    """CLASSIFIER or REFERENCE of one of the two classifiers."""
    return name if which == "first" else name.replace(".", f"_{which}.")
