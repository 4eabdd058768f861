"""Published FIDs of other papers, for orientation: this project measured none of them."""

from ganspeed.params.blocks import Report
from ganspeed.report.blocks import Section
from ganspeed.report.read import Results
from ganspeed.report.tables import Cell, Table

TITLE = "Published numbers, for orientation"
FID = {  # the best Fréchet Inception distance of a search over settings, Lucic et al. 2018, 1711.10337
    "NS GAN (gan)": {"MNIST": 6.8, "CelebA": 55.0},
    "WGAN (wgan)": {"MNIST": 6.7, "CelebA": 41.3},
    "WGAN-GP (wgan_gp)": {"MNIST": 20.3, "CelebA": 30.0},
}


def section(everything: list[Results], settings: Report) -> Section:
    return Section(TITLE, 2, (table(),))


def table() -> Table:
    """Inception FID after a large search over settings, on MNIST and CelebA."""
    rows = tuple((Cell(name), *(Cell(f"{value:g}") for value in row.values())) for name, row in FID.items())
    caption = (
        "Inception FID by Lucic et al. 2018 (arXiv:1711.10337), after a search over many settings of larger networks. "
        "Not comparable with cfid, which lives on other features. What carries over is that the order of methods "
        "changes with the data set. On MNIST the figure of WGAN-GP is limited by its budget of generator updates."
    )
    return Table(caption, ("", "MNIST", "CelebA"), (("", rows),))
