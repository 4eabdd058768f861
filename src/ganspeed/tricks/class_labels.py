"""Smoothed and noisy class labels of a conditional GAN: label smoothing, Szegedy et al. 2015, 1512.00567, section 7.

D is shown, for each image, (1 - smooth) e + smooth / K + sd ε in place of the one-hot class e of K classes, ε standard
normal for each class and drawn anew in every step. So it is in the steps of both players: in G's step D judges by such
classes as it learned from. The k-th real and the k-th generated image of a step, which have one class, have one ε. G is
fed the one-hot class as it is.

Deviation: the paper smooths the targets of a classifier; here it is what D is told of an image.
"""

from pydantic import NonNegativeFloat
from torch import Tensor

from ganspeed.tricks import Share, Trick


class ClassLabels(Trick):
    """smoothing of and normal noise on the one-hot classes that D is shown, in the steps of both players"""

    draws = {"class_labels.noise": "classes"}  # noqa: RUF012 read from the source
    refuses = {("labels", "none"): "has nothing to change: D is shown no classes"}  # noqa: RUF012

    def __init__(self, *, smooth: Share = 0.0, sd: NonNegativeFloat = 0.0):
        """
        smooth: share of a one-hot class that is spread over all classes alike; 0: none
        sd: standard deviation of the noise on each class of a sample, where a one-hot one is 0 or 1; 0: none
        """
        self.smooth, self.sd = smooth, sd

    def scale(self, update: int, updates: int) -> float:
        return self.sd

    def classes_shown(self, classes, draws) -> Tensor:
        return (1 - self.smooth) * classes + self.smooth / classes.shape[1] + draws["class_labels.noise"]
