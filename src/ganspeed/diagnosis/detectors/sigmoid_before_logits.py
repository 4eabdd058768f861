"""A sigmoid at D's end before a loss that applies one itself: all scores lie in [0, 1].

The losses have floors then. With s in [0, 1]: softplus(-s), of real images and of G, in [0.3133, 0.6931], softplus(s)
of generated ones in [0.6931, 1.3133].
"""

import math

from ganspeed.diagnosis import Detector, Evidence, EvidenceError, Sign
from ganspeed.diagnosis.series import from_update, lasting
from ganspeed.params.blocks import Diagnosis

SETTLED = 25  # updates; scores of a D that is not trained yet may all lie near 0
LOW, HIGH = math.log1p(math.exp(-1)), math.log(2)  # softplus(-1), softplus(0)
MEANS = (
    "D ends in a sigmoid, and its loss applies another one: D can be no surer than 73 %, G's loss cannot fall below "
    "0.3133, D's not below 0.3133 on real and 0.6931 on generated images, and gradients are small."
)
OF_LOSSES = "The losses of a D that has learned little yet look the same: look whether there is a sigmoid."
ROUNDING = 1e-3  # of losses that a person has printed


def scores(evidence: Evidence, bounds: Diagnosis) -> Sign | None:
    if evidence.logits is False:
        raise EvidenceError("the loss does not take scores for logits")
    if evidence.logits is None:
        raise EvidenceError("it is not known whether the loss takes scores for logits")
    span = evidence.rows("probe/score_lowest", "probe/score_highest")
    furthest = (span - 0.5).abs().max(axis=1)
    settled = furthest if evidence.one_look else from_update(furthest, SETTLED)
    sign = lasting(furthest, "<=", 0.5, "distance of a score from 1/2")
    return sign if sign and sign.since <= settled.index[0] else None


def losses(evidence: Evidence, bounds: Diagnosis) -> Sign | None:
    """Where scores are not logged."""
    if "probe/score_lowest" in evidence.history or evidence.logits is False:
        raise EvidenceError("scores are asked")
    table = from_update(evidence.rows("d_loss", "g_loss"), SETTLED)
    if len(table) < bounds.rows:
        raise EvidenceError(f"{len(table)} rows of update {SETTLED} or later, not {bounds.rows}")
    floor = (LOW + HIGH) / (2 if table.d_loss.min() < LOW + HIGH - ROUNDING else 1)  # a sum, or a mean, of its terms
    inside = table.g_loss.between(LOW - ROUNDING, HIGH + ROUNDING) & (table.d_loss > floor - ROUNDING)
    if not inside.all():
        return None
    what = f"G's loss between {LOW:.4f} and ln 2 in every row, D's never below {floor:.4f}; its largest"
    return Sign(int(table.index[0]), what, float(table.g_loss.max()), "<=", HIGH, means=f"{MEANS} {OF_LOSSES}")


DETECTOR = Detector(
    number=2,
    title="sigmoid before a with-logits loss",
    questions=(scores, losses),
    means=MEANS,
    advice="Drop the sigmoid, `networks.D.output: none`, or take a loss of probabilities.",
)
