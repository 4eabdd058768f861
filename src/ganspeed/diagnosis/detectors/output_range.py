"""G cannot make what the real images show: values of theirs lie outside the range of its own."""

from ganspeed.diagnosis import Detector, Evidence, Sign
from ganspeed.diagnosis.series import from_update, lasting
from ganspeed.params.blocks import Diagnosis

SETTLED = 0.25  # of the run: an untrained G has a narrow range that training widens
LEFT = 0.5  # of the share then: where less is left at the end, G was learning its range still


def outside(evidence: Evidence, bounds: Diagnosis) -> Sign | None:
    values = evidence.column("probe/out_of_range")
    asked = from_update(values, SETTLED * evidence.end)
    sign = lasting(values, ">", bounds.out_of_range, "share of real values that G's range leaves out")
    settled = sign and sign.since <= asked.index[0] and asked.iloc[-1] > LEFT * asked.iloc[0]
    return sign if settled else None


DETECTOR = Detector(
    number=4,
    title="output range against data",
    questions=(outside,),
    means="Part of the real images' values lies outside the range of G's output: D tells them apart by that alone, and "
    "G can do nothing about it.",
    advice="Images in [-1, 1] with `networks.G.output: tanh`, or a sigmoid with `networks.range: unit`.",
)
