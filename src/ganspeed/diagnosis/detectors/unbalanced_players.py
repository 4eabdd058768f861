"""One player too strong for the other: D tells all images apart and G's gradient is gone, or D tells none apart."""

from ganspeed.diagnosis import Detector, Evidence, Sign
from ganspeed.diagnosis.series import over_early, tail_of
from ganspeed.params.blocks import Diagnosis

STRONG = {
    "title": "D too strong",
    "means": "D tells nearly every generated image from a real one, and what G still gets of it is small.",
    "advice": "A lower `lr_d` or fewer steps, `n_critic`; noise on images, the trick `image_noise`; one-sided label "
    "smoothing, `real_target`; or an objective whose D may be strong, such as `wgan_gp`.",
}
WEAK = {
    "title": "D too weak",
    "means": "D tells generated images from real ones hardly better than by chance, although they are bad.",
    "advice": "A higher `lr_d`, more steps of D, `n_critic`, or a larger D.",
}


def too_strong(evidence: Evidence, bounds: Diagnosis) -> Sign | None:
    auc = tail_of(evidence.column("probe/auc"), bounds.tail)
    gradient = tail_of(over_early(evidence.column("probe/gradient_G"), bounds.early), bounds.tail)
    share, ratio = float((auc > bounds.auc).mean()), float(gradient.median())
    if share < bounds.auc_share or ratio >= bounds.weak_gradient:
        return None
    what = f"AUC above {bounds.auc:g} in {share:.0%} of the tail, G's gradient over its early one"
    return Sign(int(auc.index[0]), what, ratio, "<", bounds.weak_gradient, **STRONG)


def too_weak(evidence: Evidence, bounds: Diagnosis) -> Sign | None:
    auc = tail_of(evidence.column("probe/auc"), bounds.tail)
    bad = evidence.metric("cfid").iloc[-1] > evidence.known("pixel_gaussian")
    if not bad or auc.median() >= bounds.auc_at_chance:
        return None
    what, value = "AUC of D's scores in the tail", float(auc.median())
    return Sign(int(auc.index[0]), what, value, "<", bounds.auc_at_chance, **WEAK)


DETECTOR = Detector(number=8, title="unbalanced players", questions=(too_strong, too_weak), means="", advice="")
