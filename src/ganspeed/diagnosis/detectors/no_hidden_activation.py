"""A network whose hidden layers have no activation is one layer: f((a + b) / 2) = (f(a) + f(b)) / 2 for all a and b.

Of each network before its output function, in float64: rounding is some 1e-15, a network with activations some 1e-2.
"""

from ganspeed.diagnosis import Detector, Evidence, Question, Sign
from ganspeed.diagnosis.series import lasting
from ganspeed.params.blocks import Diagnosis


def _bend(player: str) -> Question:
    def bend(evidence: Evidence, bounds: Diagnosis) -> Sign | None:
        values = evidence.column(f"probe/bend_{player}")
        return lasting(values, "<", bounds.bend, f"bend of {player}", rows=len(values))

    return bend


DETECTOR = Detector(
    number=1,
    title="no hidden activation",
    questions=(_bend("G"), _bend("D")),
    means="The network is affine up to its output function: its hidden layers do nothing that one layer could not.",
    advice="Put an activation behind every hidden layer, such as LeakyReLU 0.2: `networks.G.act` and `networks.D.act` "
    "`leaky` or `relu`.",
)
