"""The penalty's weight, where training changes it, without bound."""

from ganspeed.diagnosis import Detector, Evidence, Sign
from ganspeed.diagnosis.series import somewhere
from ganspeed.params.blocks import Diagnosis


def exploding(evidence: Evidence, bounds: Diagnosis) -> Sign | None:
    return somewhere(evidence.column("diagnostics/lambda"), bounds.penalty_weight, "weight of the penalty")


DETECTOR = Detector(
    number=16,
    title="exploding lambda",
    questions=(exploding,),
    means="The penalty's weight leaves every useful scale: D learns its slope and nothing else.",
    advice="A smaller `lambda_0` or `ceiling`, a `floor` below it, a longer `warmup`.",
)
