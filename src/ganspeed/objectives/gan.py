"""The original game of two players. Goodfellow et al. 2014, 1406.2661.

D minimises E[softplus(-D(x))] + E[softplus(D(x_fake))], which is -log σ(D(x)) - log(1 - σ(D(x_fake))) (eq. 1), D being
logits. G minimises E[softplus(-D(x_fake))] (non-saturating, section 3), or with `saturating` the minimax
-E[softplus(D(x_fake))].

`real_target`, `fake_target` and `flip` put drawn targets t (see Targets) in place of the labels 1 and 0: D minimises
E[-t log σ(D) - (1 - t) log(1 - σ(D))] of either kind. With `smooth_generator` G minimises that of its samples, with the
targets of real ones.
"""

from pydantic import PositiveInt
from torch import Tensor
from torch.nn.functional import softplus

from ganspeed.objectives import Batch, Objective, TargetRange, Targets, Terms, UpToHalf, scores


class GAN(Objective):
    logits = True
    separate_terms = True

    def __init__(
        self,
        *,
        n_critic: PositiveInt,
        saturating: bool,
        real_target: TargetRange = (1.0, 1.0),
        fake_target: TargetRange = (0.0, 0.0),
        flip: UpToHalf = 0.0,
        smooth_generator: bool = False,
    ):
        """
        saturating: true: G minimises the minimax loss; false: the non-saturating one
        real_target: what D is to say of a real sample, uniform from low to high; [1, 1]: always 1
        fake_target: what D is to say of a generated sample, uniform from low to high; [0, 0]: always 0
        flip: share of D's samples of either kind whose target is drawn from the range of the other kind
        smooth_generator: true: in G's step targets are drawn as D's of real samples, flips too; false: 1
        """
        super().__init__()
        self.n_critic, self.saturating, self.smooth_generator = n_critic, saturating, smooth_generator
        self.targets = Targets(real_target, fake_target, flip)
        self.draws = self.targets.draws

    def discriminator_terms(self, D, batch: Batch) -> Terms:
        real, fake = scores(D, batch)
        loss = {
            "real": cross_entropy(real, self.targets.of("real", batch)).mean(),
            "fake": cross_entropy(fake, self.targets.of("fake", batch)).mean(),
        }
        return Terms(loss, gap=real.mean() - fake.mean())

    def generator_terms(self, D, batch: Batch) -> Terms:
        fake = D(batch.fake)
        if self.saturating:
            return Terms({"adversarial": -softplus(fake).mean()})
        target = self.targets.of("real", batch) if self.smooth_generator else 1.0
        return Terms({"adversarial": cross_entropy(fake, target).mean()})


def cross_entropy(logits: Tensor, target: Tensor | float) -> Tensor:
    """-t log σ(D) - (1 - t) log(1 - σ(D)) per sample, linear in the target t. logits, result: (N,)."""
    if not isinstance(target, Tensor) and target in (0, 1):  # nothing is computed for a weight of 0
        return softplus(-logits if target else logits)
    return target * softplus(-logits) + (1 - target) * softplus(logits)
