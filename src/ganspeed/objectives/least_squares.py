"""Least squares GAN. Mao et al. 2017, 1611.04076, equation 2 with a = 0 and b = c = 1, the 0-1 coding of equation 9.

D minimises E[(D(x) - 1)²]/2 + E[D(x_fake)²]/2, G minimises E[(D(x_fake) - 1)²]/2. D's output is a score: no sigmoid.
`real_target`, `fake_target` and `flip` put drawn targets (see Targets) in place of D's 1 and 0; with `smooth_generator`
those of real samples take the place of G's 1.
"""

from pydantic import PositiveInt

from ganspeed.objectives import Batch, Objective, TargetRange, Targets, Terms, UpToHalf, scores


class LeastSquares(Objective):
    separate_terms = True

    def __init__(
        self,
        *,
        n_critic: PositiveInt,
        real_target: TargetRange = (1.0, 1.0),
        fake_target: TargetRange = (0.0, 0.0),
        flip: UpToHalf = 0.0,
        smooth_generator: bool = False,
    ):
        """
        real_target: what D is to say of a real sample, uniform from low to high; [1, 1]: always 1
        fake_target: what D is to say of a generated sample, uniform from low to high; [0, 0]: always 0
        flip: share of D's samples of either kind whose target is drawn from the range of the other kind
        smooth_generator: true: in G's step targets are drawn as D's of real samples, flips too; false: 1
        """
        super().__init__()
        self.n_critic, self.smooth_generator = n_critic, smooth_generator
        self.targets = Targets(real_target, fake_target, flip)
        self.draws = self.targets.draws

    def discriminator_terms(self, D, batch: Batch) -> Terms:
        real, fake = scores(D, batch)
        real_target, fake_target = (self.targets.of(kind, batch) for kind in ("real", "fake"))
        loss = {
            "real": (real - real_target).square().mean() / 2,
            "fake": (fake - fake_target).square().mean() / 2,
        }
        return Terms(loss, gap=real.mean() - fake.mean())

    def generator_terms(self, D, batch: Batch) -> Terms:
        target = self.targets.of("real", batch) if self.smooth_generator else 1
        return Terms({"adversarial": (D(batch.fake) - target).square().mean() / 2})
