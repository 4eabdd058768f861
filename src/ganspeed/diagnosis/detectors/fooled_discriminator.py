"""G's non-saturating loss near 0 on bad samples: D takes them for real, more surely than real ones."""

import math

from ganspeed.diagnosis import Detector, Evidence, EvidenceError, Sign
from ganspeed.diagnosis.series import stretch
from ganspeed.params.blocks import Diagnosis


def fooled(evidence: Evidence, bounds: Diagnosis) -> Sign | None:
    if evidence.logits is False:
        raise EvidenceError("the loss does not take scores for logits")
    table = evidence.rows("g/adversarial", "d/real", "d/fake")
    if len(table) < bounds.rows:
        raise EvidenceError(f"{len(table)} rows, not {bounds.rows} or more")
    g = table["g/adversarial"]  # a saturating one is below 0
    found = stretch((g >= 0) & (g < bounds.low_loss) & (table["d/fake"] > bounds.fake_over_real * table["d/real"]))
    if len(found) < bounds.rows or not _samples_are_bad(evidence):
        return None
    return Sign(int(found[0]), "G's loss", float(g[found].median()), "<", bounds.low_loss)


def fooled_in_sum(evidence: Evidence, bounds: Diagnosis) -> Sign | None:
    """Asked where a log has no terms of D's loss: D does as badly on fakes as G's loss so low has a logistic D do.

    By Jensen's inequality E softplus(s) >= -log(1 - e^-g) for scores s with E softplus(-s) = g. At the bound of g that
    is 2.35, where 2 ln 2 is the loss of a D that scores all images alike, and 2 that of such a D under a hinge loss.
    """
    if evidence.logits is False:
        raise EvidenceError("the loss does not take scores for logits")
    if {"d/real", "d/fake"} <= set(evidence.history):
        raise EvidenceError("it is asked of the terms of D's loss")
    table = evidence.rows("g/adversarial", "d_loss")
    if len(table) < bounds.rows:
        raise EvidenceError(f"{len(table)} rows, not {bounds.rows} or more")
    g = table["g/adversarial"]
    least = -math.log(-math.expm1(-bounds.low_loss))
    found = stretch((g >= 0) & (g < bounds.low_loss) & (table["d_loss"] > least))
    if len(found) < bounds.rows or not _samples_are_bad(evidence):
        return None
    what = f"G's loss, D's being above {least:.3g}"
    return Sign(int(found[0]), what, float(g[found].median()), "<", bounds.low_loss)


def _samples_are_bad(evidence: Evidence) -> bool:
    """Worse than Gaussian pixels; so it is said of samples that nobody scores."""
    if evidence.scores is None:
        return True
    return evidence.metric("cfid").iloc[-1] > evidence.known("pixel_gaussian")


DETECTOR = Detector(
    number=5,
    title="G's loss near 0, samples bad",
    questions=(fooled, fooled_in_sum),
    means="G has found images that D takes for real and does not learn to refuse: a low loss of G is no quality.",
    advice="More steps of D, `n_critic`, or a larger D; label smoothing or flips, `real_target` and `flip`. See that "
    "the D that is trained is the one that judges generated images.",
)
