"""Both of D's losses at ln 2, as if it were guessing, while samples are bad: no equilibrium."""

import math

from ganspeed.diagnosis import Detector, Evidence, EvidenceError, Sign
from ganspeed.diagnosis.series import tail_of
from ganspeed.params.blocks import Diagnosis


def at_chance(evidence: Evidence, bounds: Diagnosis) -> Sign | None:
    if evidence.logits is False:
        raise EvidenceError("the loss does not take scores for logits")
    tail = tail_of(evidence.rows("d/real", "d/fake"), bounds.tail)
    bad = evidence.metric("cfid").iloc[-1] > evidence.known("tau25")
    furthest = float((tail - math.log(2)).abs().mean().max())
    if not bad or furthest >= bounds.chance:
        return None
    return Sign(int(tail.index[0]), "mean distance of D's losses from ln 2", furthest, "<", bounds.chance)


DETECTOR = Detector(
    number=6,
    title="D at ln 2, samples bad",
    questions=(at_chance,),
    means="D gives every image even odds although generated ones are easy to tell: it lacks capacity or rate, and G "
    "learns nothing from it. This is no equilibrium.",
    advice="A larger D, `networks.D.width` or `depth`; a higher `lr_d`; more steps, `n_critic`.",
)
