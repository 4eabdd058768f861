"""The metric classifier: a small network trained in the pipeline, whose penultimate features the metrics live on.

The features are taken *before* the last ReLU and standardised over the training images (BatchNorm without an affine
part): each then counts alike in a distance, and they are nearer to the Gaussian that a Fréchet distance assumes than
rectified values, of which about half are exactly 0. A data set without classes is given a task of its own, to tell by
which of four quarter turns an image was rotated (Gidaris et al. 2018, 1803.07728).

There are two of them, alike but for their seed: what one finds and the other does not is no property of the images.
"""

import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from threadpoolctl import threadpool_limits
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_weights

from ganspeed import data, execute
from ganspeed.errors import UserError
from ganspeed.files import read_json, replace_folder, sha256_file, write_json
from ganspeed.metrics import Embedded
from ganspeed.params import Features
from ganspeed.randomness import generator, reproducible

CLASSIFIER, REFERENCE, ACCURACY = "classifier.safetensors", "reference.safetensors", "accuracy.json"
SMALLEST = 4  # convolutions halve the feature maps down to this size
TURNS = 4  # of the task without classes
MIXED = 0.03  # share of training images that are blends of two; without them pixel-Gaussian images pass for digits
BATCH = 500  # images embedded at a time
WORTH_A_PROCESS = 200_000  # images to train on; below it starting a process takes longer than it saves

Which = Literal["first", "second"]  # of the two classifiers; every metric but cfid_second is on the first


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
        while size > SMALLEST:
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
        """Make each normalisation part of the layer before it: less work, and the end of training."""
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


@dataclass(frozen=True)
class Job:
    """One classifier to be trained, gated, and written to `folder` with the real images as it sees them."""

    which: Which
    dataset: str
    settings: Features
    prepared: Path
    folder: Path
    device: torch.device

    @property
    def seed(self) -> int:
        return self.settings.seed if self.which == "first" else self.settings.second_seed


def build(dataset: str, settings: Features, prepared: Path, out: Path, device: torch.device, workers: int = 1) -> None:
    """Train both classifiers of one data set and write them, their accuracy and the embedded val and test images.

    Whole or not at all; the same bytes on one kind of device whatever the number of cores and of `workers`, the most
    processes side by side. Raises FeaturesError when an accuracy on test is below `settings.min_accuracy`.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent) as temporary:
        folder = Path(temporary) / "features"
        folder.mkdir()
        jobs = [Job(which, dataset, settings, prepared, folder, device) for which in ("first", "second")]
        splits = data.read_manifest(prepared)["splits"]
        worth = settings.epochs * splits["train"]["n"] >= WORTH_A_PROCESS
        done = execute.map_processes(_build_one, jobs, workers if worth else 1)
        accuracies = {job.which: found for job, found in done}
        architecture = _architecture(settings, prepared)
        facts = {
            **{name: getattr(architecture, name) for name in ("shape", "task", "outputs")},
            **{f"{split}_accuracy": value for split, value in accuracies["first"].items()},
            **{f"second_{split}_accuracy": value for split, value in accuracies["second"].items()},
            "settings": settings.model_dump(mode="json"),
            "n": {name: splits[name]["n"] for name in ("train", "val", "test")},
            "torch": torch.__version__,
            "device": device.type,
            **{f"{path.stem}_sha256": sha256_file(path) for path in sorted(folder.iterdir())},
        }
        write_json(folder / ACCURACY, facts)
        replace_folder(folder, out)


def _build_one(job: Job) -> dict[str, float]:
    """Train one classifier and write its files; returns its accuracy on val and test."""
    reproducible()
    settings, splits = job.settings, {name: data.load(job.prepared, name) for name in ("train", "val", "test")}
    architecture = _architecture(settings, job.prepared)
    with one_thread():
        classifier = train(architecture, splits, settings, job.seed, job.device)
        scores = {name: accuracy(classifier, *splits[name]) for name in ("val", "test")}
        if not scores["test"] >= settings.min_accuracy:
            raise FeaturesError(
                f"datasets.{job.dataset}.features.min_accuracy: the {job.which} classifier (seed {job.seed}) reached "
                f"{scores['test']:.4f} on test ({architecture.task}), at least {settings.min_accuracy} is asked for; "
                "train it longer or wider, or ask for less"
            )
        reference = {name: (embed(classifier, batches(splits[name][0])), splits[name][1]) for name in ("val", "test")}
    _write(job, classifier, reference)
    return scores


def _architecture(settings: Features, prepared: Path) -> Architecture:
    manifest = data.read_manifest(prepared)
    classes, shape = len(manifest["classes"]), tuple(manifest["splits"]["train"]["shape"])
    task, outputs = ("classes", classes) if classes > 1 else ("rotations", TURNS)
    return Architecture(shape, settings.dim, settings.width, task, outputs)


def train(
    architecture: Architecture,
    splits: dict[str, tuple[np.ndarray, np.ndarray]],
    settings: Features,
    seed: int,
    device: torch.device,
) -> Classifier:
    """A classifier trained on `train` with Adam on a one-cycle schedule, ready to embed (evaluation mode)."""
    images, labels = splits["train"]
    size = min(settings.batch_size, len(images))
    steps = len(images) // size  # a last, smaller batch is left out: it would disturb BatchNorm
    classifier = _initialised(architecture, seed).to(device).train()
    optimizer = torch.optim.Adam(classifier.parameters(), lr=settings.learning_rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, settings.learning_rate, total_steps=max(2, steps * settings.epochs)
    )
    for epoch in range(settings.epochs):
        random = generator("classifier", seed, epoch)
        order = torch.randperm(len(images), generator=random)[: steps * size].view(steps, size).numpy()
        for index in order:
            x, y = torch.from_numpy(images[index]), torch.from_numpy(labels[index])
            if architecture.task == "rotations":
                y = torch.randint(TURNS, (size,), generator=random)
                x = turned(x, y)
            optimizer.zero_grad()
            mixed_loss(classifier, x.to(device), y.to(device), random).backward()
            optimizer.step()
            schedule.step()
    return classifier.eval().requires_grad_(False)


def mixed_loss(classifier: Classifier, x: Tensor, y: Tensor, random: torch.Generator) -> Tensor:
    """Cross-entropy where a share MIXED of the images is blended with another image, and their labels likewise.

    x: (N, C, H, W), y: (N,). It teaches the classifier to be unsure between the classes (mixup, Zhang et al. 2018,
    1710.09412). Deviation: weights from U(0, 1), and most images stay as they are, so that it is sure of real ones.
    """
    n = len(x)
    blended, weight = torch.rand(2, n, generator=random)
    other = torch.randperm(n, generator=random).to(x.device)
    weight = torch.where(blended < MIXED, weight, 1.0).to(x.device)  # of the image itself
    own = weight.view(n, 1, 1, 1)
    logits = classifier(own * x + (1 - own) * x[other])
    losses = (F.cross_entropy(logits, target, reduction="none") for target in (y, y[other]))
    return sum((share * loss).mean() for share, loss in zip((weight, 1 - weight), losses, strict=True))


def accuracy(classifier: Classifier, images: np.ndarray, labels: np.ndarray) -> float:
    """Share of images (N, C, H, W) of which the task is solved; of rotations, all four of every image."""
    if classifier.architecture.task == "classes":
        predicted = np.concatenate([_logits(classifier, x).argmax(1).cpu().numpy() for x in batches(images)])
        return float((predicted == labels).mean())
    right = [
        (_logits(classifier, turned(x, torch.full((len(x),), turn))).argmax(1) == turn).float().mean().item() * len(x)
        for x in batches(images)
        for turn in range(TURNS)
    ]
    return sum(right) / (TURNS * len(images))


def turned(x: Tensor, turns: Tensor) -> Tensor:
    """Each image of x (N, C, H, H) rotated by its own number of quarter turns (N,)."""
    return torch.stack([torch.rot90(image, int(k), (1, 2)) for image, k in zip(x, turns, strict=True)])


@torch.inference_mode()
def embed(classifier: Classifier, images: Iterable[Tensor]) -> Embedded:
    """Features and class probabilities, float32, of images given in batches (n, C, H, W) on any device.

    The probabilities are None where the classifier tells rotations.
    """
    where = classifier.head.weight.device
    features = torch.cat([classifier.features(x.to(where)) for x in images])
    return Embedded(features.cpu().numpy(), probabilities(classifier, features))


def probabilities(classifier: Classifier, features: Tensor) -> np.ndarray | None:
    """Class probabilities (N, K) by features (N, dim); None where the classifier tells rotations."""
    named = classifier.architecture.task == "classes"
    return F.softmax(classifier.logits(features), dim=1).cpu().numpy() if named else None


def batches(images: np.ndarray) -> Iterator[Tensor]:
    """An array of images (N, C, H, W), memory-mapped or not, as float32 tensors of at most BATCH images."""
    for start in range(0, len(images), BATCH):
        yield torch.from_numpy(np.array(images[start : start + BATCH], dtype=np.float32))


def load_classifier(folder: Path, device: torch.device | str = "cpu", which: Which = "first") -> Classifier:
    """A classifier of a features folder, ready to embed. Raises FeaturesError when it is missing or damaged."""
    name = _file(CLASSIFIER, which)
    facts = verified(folder, name)
    dim, width = (facts["settings"][key] for key in ("dim", "width"))
    classifier = Classifier(Architecture(tuple(facts["shape"]), dim, width, facts["task"], facts["outputs"]))
    classifier.load_state_dict(load_file(folder / name))
    classifier.eval().fold()
    return classifier.to(device).requires_grad_(False)


def load_reference(folder: Path, split: str, which: Which = "first") -> tuple[Embedded, np.ndarray]:
    """The embedded images of val or test, and their labels (N,). Raises FeaturesError when missing or damaged."""
    name = _file(REFERENCE, which)
    verified(folder, name)
    tensors = {key: tensor.numpy() for key, tensor in load_file(folder / name).items()}
    probabilities = tensors.get(f"{split}_probabilities")  # there are none where the task is rotations
    return Embedded(tensors[f"{split}_features"], probabilities), tensors[f"{split}_labels"]


def verified(folder: Path, *names: str) -> dict:
    """The content of accuracy.json, after these files' hashes were checked against it. Raises FeaturesError."""
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


@contextmanager
def one_thread() -> Iterator[None]:
    """Keep torch and BLAS on one thread: sums split over threads round differently."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1):
            yield
    finally:
        torch.set_num_threads(before)


def _initialised(architecture: Architecture, seed: int) -> Classifier:
    """Weights from U(-b, b) with b = 1/√fan_in, as torch has it by default, biases 0."""
    classifier, random = Classifier(architecture), generator("classifier weights", seed)
    for module in classifier.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_uniform_(module.weight, a=math.sqrt(5), generator=random)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    return classifier


@torch.inference_mode()
def _logits(classifier: Classifier, x: Tensor) -> Tensor:
    return classifier(x.to(classifier.head.weight.device)).cpu()


def _file(name: str, which: Which) -> str:
    return name if which == "first" else name.replace(".", f"_{which}.")


def _write(job: Job, classifier: Classifier, reference: dict[str, tuple[Embedded, np.ndarray]]) -> None:
    tensors = {}
    for split, (embedded, labels) in reference.items():
        parts = {"features": embedded.features, "probabilities": embedded.probabilities, "labels": labels}
        tensors |= {f"{split}_{k}": torch.from_numpy(np.array(v)) for k, v in parts.items() if v is not None}
    save_file({k: v.cpu() for k, v in classifier.state_dict().items()}, job.folder / _file(CLASSIFIER, job.which))
    save_file(tensors, job.folder / _file(REFERENCE, job.which))
