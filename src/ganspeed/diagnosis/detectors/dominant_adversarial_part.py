"""The adversarial part of G's loss outweighs its content part."""

from ganspeed.diagnosis import Detector, Evidence, Sign
from ganspeed.diagnosis.series import lasting
from ganspeed.params.blocks import Diagnosis


def dominates(evidence: Evidence, bounds: Diagnosis) -> Sign | None:
    table = evidence.rows("g/adversarial", "g/content").abs()
    if not table["g/content"].any():  # of weight 0: there is nothing to outweigh
        return None
    ratio = table["g/adversarial"] / table["g/content"]
    return lasting(ratio, ">", bounds.content, "adversarial over content part of G's loss", bounds.rows)


DETECTOR = Detector(
    number=15,
    title="adversarial part dominates",
    questions=(dominates,),
    means="G follows D more than the content loss: its weights are led away from what the images should show.",
    advice="A smaller `tricks.content.adversarial`: as large as the content loss, or a tenth of it.",
)
