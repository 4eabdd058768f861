"""`ganspeed.diagnose` on networks of one's own, and on the program of "The MNIST GAN that does not converge"."""

import re

import pytest
import torch
from mnist_question import BATCH, Program, as_asked, digits, latents, program, trained
from torch import nn
from torch.nn.functional import softplus

import ganspeed
from ganspeed.diagnosis import diagnosed
from ganspeed.diagnosis.loss_log import evidence_of_log
from ganspeed.errors import UserError
from ganspeed.params.blocks import Diagnosis

ASKED = ("no_hidden_activation", "sigmoid_before_logits", "badly_scaled_weights", "output_range")


def names(made: Program, low: float = -1.0, **more) -> list[str]:
    z = latents(64, torch.Generator().manual_seed(3))
    return ganspeed.diagnose(made.G, made.judge, digits(low), z, **more).names


def test_the_bugs_of_the_question_are_named_before_any_training():
    assert names(as_asked(), low=0.0) == [*ASKED[:3]]  # its images are in [0, 1], as its sigmoid's values are
    assert names(as_asked(), low=-1.0) == [*ASKED]


def test_the_mended_program_has_no_finding():
    assert names(program()) == []
    assert names(program(tanh=False), low=0.0) == []


@pytest.mark.parametrize(
    ("bug", "name"),
    [*zip(({"act": False}, {"logits": False}, {"normal": True, "tanh": False}, {"tanh": False}), ASKED, strict=True)],
)
def test_each_bug_alone_is_named(bug, name):
    assert name in names(program(**bug))


def test_a_sigmoid_before_a_loss_of_probabilities_is_right():
    assert "sigmoid_before_logits" not in names(program(logits=False), logits=False)


def test_after_training_the_same_bugs_are_named_and_none_of_the_mended(tmp_path):
    """The initial weights are judged at update 0 alone: trained ones may well lie at the ends."""
    broken, mended = as_asked(), program()
    logs = trained(broken, digits(), 200).history, trained(mended, digits(), 200).history
    columns = ["update", "d_loss", "g_loss"]
    assert set(names(broken, history=logs[0][columns].dropna())) & {*ASKED} == {*ASKED} - {"badly_scaled_weights"}
    logs[1][columns].dropna().to_csv(tmp_path / "losses.csv", index=False)
    assert set(names(mended, history=tmp_path / "losses.csv")) & {*ASKED} == set()


def test_what_the_losses_of_the_program_decide():
    """As it was asked, and mended but for the second discriminator, which G then deceives."""
    columns = ["update", "d_loss", "g_loss", "d/real", "d/fake"]

    def found(made: Program, low: float) -> list[str]:
        log = trained(made, digits(low)).history[columns].dropna()
        return diagnosed(
            evidence_of_log(log.rename(columns={"d/real": "d_loss_real", "d/fake": "d_loss_fake"})), Diagnosis()
        ).names

    assert found(as_asked(), 0.0) == ["sigmoid_before_logits"]
    assert found(program(twins=True), -1.0) == ["fooled_discriminator"]
    assert found(program(), -1.0) == []


def test_nothing_of_the_networks_nor_of_the_draws_is_changed():
    G = nn.Sequential(nn.Linear(100, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Dropout(), nn.Linear(32, 64), nn.Tanh())
    D = nn.utils.parametrizations.spectral_norm(nn.Linear(64, 1)).eval()
    D.weight.sum().backward()
    networks = (G, D)
    before = [{name: value.clone() for name, value in network.state_dict().items()} for network in networks]
    gradients = [weight.grad for network in networks for weight in network.parameters()]
    kept = [None if gradient is None else gradient.clone() for gradient in gradients]
    state = torch.get_rng_state()
    ganspeed.diagnose(G, D, digits(), latents(64, torch.Generator()), losses=(_d_loss, _g_loss))
    assert torch.equal(torch.get_rng_state(), state) and (G.training, D.training) == (True, False)
    for network, values in zip(networks, before, strict=True):
        assert all(torch.equal(value, values[name]) for name, value in network.state_dict().items())
    after = [weight.grad for network in networks for weight in network.parameters()]
    assert all(a is b for a, b in zip(after, gradients, strict=True))
    assert all(a is None or torch.equal(a, b) for a, b in zip(gradients, kept, strict=True))


def _d_loss(D, real, fake):
    return softplus(-D(real)).mean() + softplus(D(fake)).mean()


def _g_loss(D, fake):
    return softplus(-D(fake)).mean()


def test_with_its_losses_players_that_cooperate_are_named():
    made = program()
    wrong = lambda D, real, fake: softplus(-D(real)).mean() + softplus(-D(fake)).mean()  # noqa: E731
    assert names(made, losses=(_d_loss, _g_loss)) == []
    assert names(made, losses=(wrong, _g_loss)) == ["idle_player"]
    alone = lambda D, real, fake: softplus(-D(real)).mean() + softplus(made.judge(fake)).mean()  # noqa: E731
    assert names(made, losses=(alone, lambda D, fake: softplus(-made.judge(fake)).mean())) == ["idle_player"]


def test_without_them_that_is_not_asked():
    z = latents(64, torch.Generator())
    assert "idle_player" in ganspeed.diagnose(program().G, program().D, digits(), z).not_asked


def test_samples_alike_are_a_collapse_once_it_has_been_trained():
    class Same(nn.Module):
        def forward(self, z):
            return torch.linspace(-1, 1, 64).expand(len(z), 64) + 1e-3 * z[:, :64]

    D, z = program().D, latents(64, torch.Generator())
    assert "mode_collapse" not in ganspeed.diagnose(Same(), D, digits(), z).names
    found = ganspeed.diagnose(Same(), D, digits(), z, updates=500)
    assert "mode_collapse" in found.names and found[found.names.index("mode_collapse")].since == 500


def test_callables_that_are_no_modules_are_looked_at_as_far_as_they_allow():
    made = program(logits=False, tanh=False)
    found = ganspeed.diagnose(
        lambda z: made.G(z), lambda x: made.D(x)[:, None], digits(), latents(64, torch.Generator())
    )
    assert {"sigmoid_before_logits", "output_range"} <= set(found.names) and "no_hidden_activation" in found.not_asked


def test_a_function_without_gradients_is_not_asked_for_them():
    found = ganspeed.diagnose(program().G, lambda x: torch.zeros(len(x)), digits(), latents(64, torch.Generator()))
    assert not found and "vanishing_gradients" in found.not_asked


def test_images_of_maps_are_taken_as_well():
    G = nn.Sequential(nn.Linear(100, 64), nn.Unflatten(1, (1, 8, 8)), nn.ConvTranspose2d(1, 1, 3, padding=1), nn.Tanh())
    D = nn.Sequential(nn.Conv2d(1, 8, 3), nn.LeakyReLU(0.2), nn.Flatten(), nn.Linear(288, 1))
    found = ganspeed.diagnose(G, D, digits().view(-1, 1, 8, 8), latents(64, torch.Generator()))
    assert found.names == ["no_hidden_activation"] and "bend of G" in found[0].statistic


def test_networks_that_give_no_numbers_are_not_finite():
    G, D = program().G, program().D
    with torch.no_grad():
        G[0].weight.fill_(torch.nan)
    found = ganspeed.diagnose(G, D, digits(), latents(8, torch.Generator()), updates=7)
    assert found.names[-1:] == ["not_finite"] and found[-1].since == 7


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_a_discriminator_that_gives_no_numbers_is_not_finite_as_well(value):
    made = program()
    with torch.no_grad():
        made.D[0].weight[0, 0] = value
    assert names(made, updates=7)[-1:] == ["not_finite"]


def test_a_network_that_a_step_left_computed_weights_in_is_copied_as_well():
    """`torch.nn.utils.spectral_norm` keeps the weight that it divided, which no deepcopy takes."""
    D = nn.Sequential(nn.utils.spectral_norm(nn.Linear(64, 8)), nn.LeakyReLU(0.2), nn.Linear(8, 1))
    D(digits()[:8]).sum().backward()
    before = {name: value.clone() for name, value in D.state_dict().items()}
    z = latents(64, torch.Generator().manual_seed(3))
    found = ganspeed.diagnose(program().G, D, digits(), z, losses=(_d_loss, _g_loss))
    assert not found and "no_hidden_activation" not in found.not_asked and "idle_player" not in found.not_asked
    assert all(torch.equal(value, before[name]) for name, value in D.state_dict().items())


def test_small_values_without_an_output_function_are_not_taken_for_a_tanh():
    G = nn.Sequential(nn.Linear(100, 32), nn.ReLU(), nn.Linear(32, 64))
    with torch.no_grad():
        for weight in G.parameters():
            weight.mul_(0.01)
    z = latents(64, torch.Generator().manual_seed(3))
    assert ganspeed.diagnose(G, program().D, 2 * digits(), z).names == []


def test_a_discriminator_of_probabilities_may_be_sure():
    """A loss of log D falls as steeply where D is nearly 0."""
    D = nn.Sequential(nn.Linear(64, 8), nn.LeakyReLU(0.2), nn.Linear(8, 1), nn.Sigmoid())
    nn.init.constant_(D[2].bias, -12.0)
    z = latents(64, torch.Generator().manual_seed(3))
    assert ganspeed.diagnose(program().G, D, digits(), z, updates=500, logits=False).names == []


def test_scores_may_have_more_dimensions_of_length_1():
    D = nn.Sequential(nn.Linear(64, 8), nn.LeakyReLU(0.2), nn.Linear(8, 1), nn.Unflatten(1, (1, 1, 1)))
    assert ganspeed.diagnose(program().G, D, digits(), latents(64, torch.Generator())).names == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"real": torch.zeros(4).numpy()}, "real: ndarray; allowed: a tensor"),
        ({"D": lambda x: (x, x)}, "D(real): tuple; allowed: a tensor"),
        ({"real": torch.zeros(4)}, "real: shape (4,); allowed: (N, ...) with N of 2 or more"),
        ({"z": torch.zeros(1, 100)}, "z: shape (1, 100); allowed"),
        ({"real": torch.zeros(4, 60)}, "G(z): images of (64,), and real ones of (60,)"),
        ({"real": torch.full((4, 64), torch.nan)}, "real: values that are not finite"),
        ({"D": nn.Linear(64, 3)}, "D(real): shape (128, 3); allowed: a score for each image, (128,) or (128, 1)"),
        ({"history": {"accuracy": [1.0]}}, "history: no column of losses"),
    ],
)
def test_what_cannot_be_looked_at_is_refused_with_what_is_allowed(change, words):
    made = program()
    given = {"G": made.G, "D": made.D, "real": digits()[:BATCH], "z": latents(64, torch.Generator())} | change
    with pytest.raises(UserError, match=re.escape(words)):
        ganspeed.diagnose(**given)
