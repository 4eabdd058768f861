"""Draws the pictures of docs/diagnosis.md: programs that are broken in one way, trained here, beside the mended one.

    python tests/helpers/draw_diagnosis.py             # on 8x8 digits
    python tests/helpers/draw_diagnosis.py --mnist     # the question, on MNIST below GANSPEED_DATA

A picture is docs/diagnosis/<name>.png; what the detectors find in each program is printed.
"""

import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import torch
from matplotlib.figure import Figure
from mnist_question import BCE, CRITIC, Program, as_asked, digits, latents, program, trained
from torch import Tensor
from torch.nn.functional import softplus

from ganspeed.diagnosis import Findings, diagnosed
from ganspeed.params.blocks import Diagnosis
from ganspeed.workspace import Workspace

FOLDER = Path(__file__).parents[2] / "docs" / "diagnosis"
MINIMAX = (BCE[0], BCE[1], lambda scores: -softplus(scores))  # G's saturating loss
UPDATES, GREY, RED = 1_000, "0.6", "#b2182b"


def faint() -> Program:
    """One whose D scores all images near 0 at first."""
    made = program()
    with torch.no_grad():
        made.D[2].weight.mul_(0.05)
    return made


# Name of the picture → how the program is made and trained, and the column of the third panel with its words.
SYMPTOMS: dict[str, tuple[Callable[[], Program], dict, str, str]] = {
    "rising": (as_asked, {}, "d/fake", "D's loss on generated"),
    "floor": (lambda: program(logits=False), {}, "probe/score_highest", "highest score"),
    "fooled": (lambda: program(twins=True), {}, "d/fake", "D's loss on generated"),
    "overpowering": (
        lambda: program(terms=MINIMAX),
        {"rate_g": 1e-4, "rate_d": 1e-2},
        "probe/auc",
        "AUC of D's scores",
    ),
    "chance": (faint, {"rate_g": 1e-6, "rate_d": 1e-6}, "probe/moved_D", "D's weights, way from start"),
    "collapse": (lambda: program(tanh=False), {}, "probe/distance_fake", "distance of samples"),
    "blow_up": (lambda: program(terms=CRITIC), {"rate_g": 1e-5, "rate_d": 1e-2}, "gap", "gap of a critic"),
}


def draw(name: str, broken: Program, found: pd.DataFrame, healthy: pd.DataFrame, column: str, words: str) -> None:
    """Both losses and one more column over updates, red beside the mended program in grey, and samples at the end."""
    panels = [("d_loss", "D's loss"), ("g_loss", "G's loss"), (column, words)]
    figure = Figure(figsize=(9.2, 2.1), dpi=90, layout="constrained")
    axes = figure.subplots(1, len(panels) + 1)
    for ax, (key, title) in zip(axes, panels, strict=False):
        for table, colour in ((healthy, GREY), (found, RED)):
            known = table.dropna(subset=key)
            ax.plot(known["update"], known[key], color=colour, linewidth=1.2)
        ax.set_title(title, fontsize=9)
        ax.set_xlabel("updates", fontsize=8)
        ax.tick_params(labelsize=7)
    axes[-1].imshow(sample_grid(broken), cmap="gray")
    axes[-1].set_title("samples at the end", fontsize=9)
    axes[-1].axis("off")
    FOLDER.mkdir(exist_ok=True)
    figure.savefig(FOLDER / f"{name}.png")


@torch.no_grad()
def sample_grid(made: Program, side: int = 4) -> Tensor:
    """Samples of G, side x side of them, as one image."""
    images = made.G(latents(side**2, torch.Generator().manual_seed(3)))
    size = int(images.shape[1] ** 0.5)
    return images.view(side, side, size, size).transpose(1, 2).reshape(side * size, side * size)


def mnist(low: float) -> Tensor:
    """Images (60000, 784) in [low, 1]."""
    from torchvision.datasets import MNIST

    return MNIST(str(Workspace(FOLDER.parents[1]).source_data), download=False).data.flatten(1) / 255 * (1 - low) + low


def on_digits() -> None:
    """The pictures of all symptoms."""
    healthy = trained(program(), digits(), UPDATES).history
    for name, (make, rates, column, words) in SYMPTOMS.items():
        made = make()
        evidence = trained(made, digits(), UPDATES, **rates)
        draw(name, made, evidence.history, healthy, column, words)
        print(f"{name}: {', '.join(names_of(diagnosed(evidence, Diagnosis())))}")


def on_mnist(updates: int = 10_000) -> None:
    """The program as it was asked, two discriminators and all, beside the mended one."""
    asked, images = as_asked(pixels=784), mnist(0.0)
    evidence = trained(asked, images, updates)
    mended = program(pixels=784)
    healthy = trained(mended, mnist(-1.0), updates)
    draw("as_asked", asked, evidence.history, healthy.history, "d/fake", "D's loss on generated")
    draw("mended", mended, healthy.history, healthy.history, "d/fake", "D's loss on generated")
    print(f"as asked: {', '.join(names_of(diagnosed(evidence, Diagnosis())))}")


def names_of(findings: Findings) -> list[str]:
    return [f"{finding.name} since {finding.since}" for finding in findings]


if __name__ == "__main__":
    torch.set_num_threads(1)
    on_mnist() if "--mnist" in sys.argv[1:] else on_digits()
