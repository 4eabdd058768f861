"""Training the two metric classifiers, checking their accuracy, and writing them."""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ganspeed.data.prepared import load_split, read_manifest
from ganspeed.params.datasets import Features
from ganspeed.scoring.classifier import ACCURACY, Architecture, Classifier, FeaturesError, Which, batches, embed, save
from ganspeed.system.determinism import generator, one_thread, reproducible
from ganspeed.system.files import move, sha256_file, temporary_folder, write_json
from ganspeed.system.processes import map_processes

QUARTER_TURNS = 4  # of the task without classes
MIXUP_SHARE = 0.03  # of training images are blends of two; without them pixel-Gaussian images are classified as digits
MIN_IMAGES_FOR_PROCESSES = 200_000  # seen in training; for fewer, starting a process takes longer than it saves

LabelledImages = tuple[np.ndarray, np.ndarray]  # images (N, C, H, W) in [-1, 1] and labels (N,)


@dataclass(frozen=True)
class ClassifierJob:
    """One classifier to train, check, and write to `folder` together with the real images that it embedded."""

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

    Everything or nothing is written; the same bytes on one kind of device whatever the number of cores and of
    `workers`, the most processes side by side. Raises FeaturesError when an accuracy on test is below
    `settings.min_accuracy`.
    """
    with temporary_folder(out) as folder:
        jobs = [ClassifierJob(which, dataset, settings, prepared, folder, device) for which in ("first", "second")]
        n = {name: split.n for name, split in read_manifest(prepared).splits.items()}
        worth_processes = settings.epochs * n["train"] >= MIN_IMAGES_FOR_PROCESSES
        architecture, accuracies = _architecture(settings, prepared), {}
        for job, of_splits in map_processes(_build_one, jobs, workers if worth_processes else 1):
            prefix = "" if job.which == "first" else "second_"
            accuracies |= {f"{prefix}{split}_accuracy": value for split, value in of_splits.items()}
        facts = {
            **{name: getattr(architecture, name) for name in ("shape", "task", "outputs")},
            **accuracies,
            "settings": settings.model_dump(mode="json"),
            "n": n,
            "torch": torch.__version__,
            "device": device.type,
            **{f"{path.stem}_sha256": sha256_file(path) for path in sorted(folder.iterdir())},
        }
        write_json(folder / ACCURACY, facts)
        move(folder, out)


def _build_one(job: ClassifierJob) -> dict[str, float]:
    """Train one classifier and write its files; returns its accuracy on val and test."""
    reproducible()
    training_set = load_split(job.prepared, "train")
    held_out = {split: load_split(job.prepared, split) for split in ("val", "test")}
    with one_thread():
        classifier = train(_architecture(job.settings, job.prepared), training_set, job.settings, job.seed, job.device)
        accuracies = {name: accuracy(classifier, *split) for name, split in held_out.items()}
        _check_accuracy(job, classifier, accuracies["test"])
        reference = {name: (embed(classifier, batches(x)), labels) for name, (x, labels) in held_out.items()}
    save(job.folder, job.which, classifier, reference)
    return accuracies


def _check_accuracy(job: ClassifierJob, classifier: Classifier, on_test: float) -> None:
    if not on_test >= job.settings.min_accuracy:
        raise FeaturesError(
            f"datasets.{job.dataset}.features.min_accuracy: the {job.which} classifier (seed {job.seed}) reached "
            f"{on_test:.4f} on test ({classifier.architecture.task}), at least {job.settings.min_accuracy} is "
            "required; train it longer or wider, or lower min_accuracy"
        )


def _architecture(settings: Features, prepared: Path) -> Architecture:
    manifest = read_manifest(prepared)
    classes, shape = len(manifest.classes), manifest.splits["train"].shape
    task, outputs = ("classes", classes) if classes > 1 else ("rotations", QUARTER_TURNS)
    return Architecture(shape, settings.dim, settings.width, task, outputs)


def train(
    architecture: Architecture, training_set: LabelledImages, settings: Features, seed: int, device: torch.device
) -> Classifier:
    """A classifier trained with Adam on a one-cycle schedule, in eval mode."""
    images, labels = training_set
    size = min(settings.batch_size, len(images))
    steps = len(images) // size  # the last, smaller batch is dropped: it would disturb BatchNorm
    classifier = _initialised(architecture, seed).to(device).train()
    optimizer = torch.optim.Adam(classifier.parameters(), lr=settings.learning_rate)
    total = max(2, steps * settings.epochs)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, settings.learning_rate, total_steps=total)
    for epoch in range(settings.epochs):
        random = generator("classifier", seed, epoch)
        order = torch.randperm(len(images), generator=random)[: steps * size].view(steps, size).numpy()
        for index in order:
            x, y = torch.from_numpy(images[index]), torch.from_numpy(labels[index])
            if architecture.task == "rotations":
                y = torch.randint(QUARTER_TURNS, (size,), generator=random)
                x = rotated(x, y)
            optimizer.zero_grad()
            mixup_loss(classifier, x.to(device), y.to(device), random).backward()
            optimizer.step()
            schedule.step()
    return classifier.eval().requires_grad_(False)


def mixup_loss(classifier: Classifier, x: Tensor, y: Tensor, random: torch.Generator) -> Tensor:
    """Cross-entropy where a share MIXUP_SHARE of the images is blended with another image, and their labels likewise.

    x: (N, C, H, W), y: (N,). It makes the classifier unsure between the classes (mixup, Zhang et al. 2018,
    1710.09412). Deviation: weights from U(0, 1), and most images are not blended, so that it is sure of real ones.
    """
    n = len(x)
    blended, weight = torch.rand(2, n, generator=random)
    other = torch.randperm(n, generator=random).to(x.device)
    weight = torch.where(blended < MIXUP_SHARE, weight, 1.0).to(x.device)  # of the image itself
    own = weight.view(n, 1, 1, 1)
    logits = classifier(own * x + (1 - own) * x[other])
    losses = (F.cross_entropy(logits, target, reduction="none") for target in (y, y[other]))
    return sum((share * loss).mean() for share, loss in zip((weight, 1 - weight), losses, strict=True))


def accuracy(classifier: Classifier, images: np.ndarray, labels: np.ndarray) -> float:
    """Share of images (N, C, H, W) that are predicted right; for rotations, of all four of every image."""
    if classifier.architecture.task == "classes":
        predicted = np.concatenate([_logits(classifier, x).argmax(1).cpu().numpy() for x in batches(images)])
        return float((predicted == labels).mean())
    right = [
        (_logits(classifier, rotated(x, torch.full((len(x),), turn))).argmax(1) == turn).float().mean().item() * len(x)
        for x in batches(images)
        for turn in range(QUARTER_TURNS)
    ]
    return sum(right) / (QUARTER_TURNS * len(images))


def rotated(x: Tensor, turns: Tensor) -> Tensor:
    """Each image of x (N, C, H, H) rotated by its own number of quarter turns (N,)."""
    return torch.stack([torch.rot90(image, int(k), (1, 2)) for image, k in zip(x, turns, strict=True)])


def _initialised(architecture: Architecture, seed: int) -> Classifier:
    """Weights from U(-b, b) with b = 1/√fan_in, torch's default, biases 0."""
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
