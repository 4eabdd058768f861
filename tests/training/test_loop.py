"""The loop: same seed same bytes, exact resume, draws that depend on nothing else, divergence as a result."""

import csv
import math
import pickle
import subprocess
import sys
from dataclasses import replace

import pytest
import torch
from device_queries import NoAnswer
from digests import digests
from PIL import Image
from training_runs import OPTIMIZERS, OPTIONS, OTHERS, STUDY, VARIANTS, new_run, run

from ganspeed.networks.latents import Latents
from ganspeed.objectives import Batch, Objective, Terms, gradient_norm
from ganspeed.training import loop
from ganspeed.training.counts import Counts
from ganspeed.training.draws import GENERATOR_STEP, Draws
from ganspeed.training.history import PROFILE_SAMPLES, PROFILE_WEIGHTS, gradient_profile
from ganspeed.training.loop import one_update, train
from ganspeed.training.state import Player, new_state, update_ema

Z = Latents("normal", 4)


def batch_of(draws: Draws, G: torch.nn.Module, update=1, step=0) -> Batch:
    real, z, u, labels, others = draws(update, step)
    return Batch(real, G(z), z, u, labels, others)


@pytest.mark.parametrize("variant", VARIANTS)
def test_one_update_moves_both_players_and_is_finite(variant, recipe, images):
    state = new_state(recipe(variant), images[0])
    before = [[p.clone() for p in player.network.parameters()] for player in (state.G, state.D)]
    one_update(state, Draws(0, Counts(1, 8), recipe(variant).latents, *images, state.noises()))
    for player, weights in zip((state.G, state.D), before, strict=True):
        after = list(player.network.parameters())
        assert all(torch.isfinite(p).all() for p in after)
        assert any(not torch.equal(p, q) for p, q in zip(after, weights, strict=True))
    assert int(state.bad_update) == 0


@pytest.mark.parametrize("variant", [*VARIANTS, *OPTIONS])
def test_an_update_asks_the_device_nothing_and_fakes_have_no_graph_of_g(variant, recipe, images):
    state = new_state(recipe(variant), images[0])
    draws = Draws(0, Counts(1, 8), recipe(variant).latents, *images, state.noises())
    with NoAnswer():
        step = one_update(state, draws)
    assert not step.batch.fake.requires_grad
    with NoAnswer(), pytest.raises(AssertionError, match="asks the device"):
        bool(state.bad_update)


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_step_computes_no_gradient_of_the_other_player(variant, recipe, images):
    state = new_state(recipe(variant), images[0])
    draws, (G, D) = Draws(0, Counts(1, 8), recipe(variant).latents, *images, state.noises()), (state.G, state.D)
    D.step(state.objective.discriminator_terms(D.network, batch_of(draws, G.network)).total())
    assert all(weight.grad is None for weight in G.network.parameters())
    D.optimizer.zero_grad()
    G.step(state.objective.generator_terms(D.network, batch_of(draws, G.network, step=1)).total())
    assert all(weight.grad is None for weight in D.network.parameters())


def by_the_book(weights, gradients, moments, block, learning_rate, t):
    """One step of Adam (1412.6980, algorithm 1) or of RMSprop (Hinton, lecture 6e), in float64."""
    for weight, gradient, (m, v) in zip(weights, gradients, moments, strict=True):
        if block.name == "adam":
            first, second = block.betas
            m.copy_(first * m + (1 - first) * gradient)
            v.copy_(second * v + (1 - second) * gradient**2)
            weight -= learning_rate * (m / (1 - first**t)) / ((v / (1 - second**t)).sqrt() + 1e-8)
        else:
            v.copy_(block.alpha * v + (1 - block.alpha) * gradient**2)
            weight -= learning_rate * gradient / (v.sqrt() + 1e-8)


@pytest.mark.parametrize("variant", [*VARIANTS, *OPTIONS])
def test_a_step_is_the_optimisers_by_the_book(variant, recipe, images):
    """Gradients of a penalty come in another memory layout than their weights; a fused optimiser minds that."""
    state = new_state(recipe(variant), images[0])
    batch = batch_of(Draws(0, Counts(1, 8), recipe(variant).latents, *images, state.noises()), state.G.network)
    block = recipe(variant).variant.optimizer
    for player, terms, rate in (
        (state.D, state.objective.discriminator_terms, block.lr_d),
        (state.G, state.objective.generator_terms, block.lr_g),
    ):
        weights = list(player.network.parameters())
        expected = [weight.detach().double() for weight in weights]
        moments = [(torch.zeros_like(weight), torch.zeros_like(weight)) for weight in expected]
        for t in (1, 2, 3):
            fresh = replace(batch, fake=state.G.network(batch.z))
            if player is state.D:
                fresh = replace(fresh, fake=fresh.fake.detach())
            loss = terms(state.D.network, fresh).total()
            gradients = torch.autograd.grad(loss, weights, retain_graph=True)
            by_the_book(expected, gradients, moments, block, rate, t)
            player.step(loss)
            for weight, wanted in zip(weights, expected, strict=True):
                torch.testing.assert_close(weight.detach().double(), wanted, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(("half_life", "rates"), [(2, [1, 0.5**0.5, 0.5, 0.5**1.5]), (0, [1, 1, 1, 1])])
def test_both_learning_rates_halve_every_so_many_updates(half_life, rates, recipe, images):
    schedule = {"name": "exponential", "half_life": half_life}
    optimizer = recipe("wgan_gp").variant.optimizer.model_dump() | {"schedule": schedule}
    state = new_state(recipe("wgan_gp", optimizer=optimizer), images[0])
    for rate in rates:
        one_update(state, Draws(0, Counts(1, 8), Z, *images))
        assert state.G.optimizer.param_groups[0]["lr"] == pytest.approx(rate * optimizer["lr_g"])
        assert state.D.optimizer.param_groups[0]["lr"] == pytest.approx(rate * optimizer["lr_d"])


def test_bfloat16_is_for_the_layers_outside_the_penalty_and_nothing_else(recipe, images):
    lower = recipe("wgan_gp", train={"precision": "bfloat16"})
    state, seen = new_state(lower, images[0]), {"D": [], "G": []}
    for name, network in (("D", state.D.network), ("G", state.G.network)):
        network.layers[0].register_forward_hook(lambda layer, x, y, dtypes=seen[name]: dtypes.append(y.dtype))
    step, low, whole = one_update(state, Draws(0, Counts(1, 8), Z, *images)), torch.bfloat16, torch.float32
    n_critic = state.objective.n_critic
    assert seen == {"D": [low, whole] * n_critic + [low], "G": [low] * (n_critic + 1)}
    values = [step.discriminator.total(), step.generator.total(), step.batch.fake, *state.D.network.parameters()]
    assert {value.dtype for value in values} == {whole}


@pytest.mark.parametrize("variant", VARIANTS)
def test_same_seed_same_bytes_and_another_seed_others(variant, recipe, images, tmp_path):
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        run(recipe(variant, seed), images, tmp_path / name)
    a, b, c = (digests(tmp_path / name / "run") for name in "abc")
    assert a == b
    assert a["snapshots/0000012.safetensors"] != c["snapshots/0000012.safetensors"]


@pytest.mark.parametrize(
    ("variant", "killed_at", "optimizer"),
    [(v, at, None) for v in ("gan", "wgan", "iterative") for at in (3, 5, 8, 11)]
    + [(v, 8, None) for v in (*OTHERS, *OPTIONS)]
    + [("wgan_gp", 8, optimizer) for optimizer in OPTIMIZERS],
)
def test_a_killed_run_resumes_to_the_same_bytes(variant, killed_at, optimizer, recipe, images, tmp_path, monkeypatch):
    changes = OPTIONS.get(variant, {}) | ({"optimizer": OPTIMIZERS[optimizer]} if optimizer else {})
    run(recipe(variant, **changes), images, tmp_path / "undisturbed")
    done, real_update = 0, one_update

    def dying(state, draws):
        nonlocal done
        done += 1
        if done == killed_at + 1:
            raise KeyboardInterrupt
        return real_update(state, draws)

    monkeypatch.setattr(loop, "one_update", dying)
    with pytest.raises(KeyboardInterrupt):
        run(recipe(variant, **changes), images, tmp_path / "killed")
    done = 100
    run(recipe(variant, **changes), images, tmp_path / "killed")
    resumed_from = 5 * (killed_at // 5)  # checkpoint_every is 5
    assert done - 100 == 12 - resumed_from
    assert digests(tmp_path / "killed" / "run") == digests(tmp_path / "undisturbed" / "run")


@pytest.mark.parametrize("variant", ["gan", "wgan", "wgan_gp", "iterative", "iterative_sliced"])
def test_logging_and_snapshots_more_often_change_nothing(variant, recipe, images, tmp_path):
    rare = recipe(variant, train={"log_every": 10})
    more = {"log_every": 1, "grid_ratio": 1.01, "sample_grids": 12, "checkpoint_every": 1}
    often = recipe(variant, train=more)
    run(rare, images, tmp_path / "rare")
    run(often, images, tmp_path / "often")
    last = "run/snapshots/0000012.safetensors"
    assert (tmp_path / "rare" / last).read_bytes() == (tmp_path / "often" / last).read_bytes()


def test_the_average_of_the_weights_is_shown_and_never_enters_training(recipe, images, tmp_path):
    raw, averaged = (recipe("gan", train={"ema_decay": decay}) for decay in (0.0, 0.99))
    for name, one in (("raw", raw), ("averaged", averaged)):
        run(one, images, tmp_path / name)
    history, other = ((tmp_path / name / "run" / "history.csv").read_bytes() for name in ("raw", "averaged"))
    assert history == other
    last = "run/snapshots/0000012.safetensors"
    assert (tmp_path / "raw" / last).read_bytes() != (tmp_path / "averaged" / last).read_bytes()


@pytest.mark.parametrize(("decay", "update", "weight"), [(0.0, 1, 1.0), (0.9, 1, 1 - 2 / 11), (0.9, 1000, 0.1)])
def test_the_average_moves_by_its_share_towards_the_weights(decay, update, weight, recipe, images):
    state = new_state(recipe("gan"), images[0])
    state.update, state.ema_decay = update, decay
    before = [p.clone() for p in state.ema_generator.parameters()]
    for p in state.G.network.parameters():
        p.data += 1
    update_ema(state)
    for p, b in zip(state.ema_generator.parameters(), before, strict=True):
        torch.testing.assert_close(p - b, torch.full_like(p, weight))
    if decay == 0:
        assert all(map(torch.equal, state.ema_generator.parameters(), state.G.network.parameters()))


def test_a_longer_run_begins_as_a_shorter_one(recipe, images, tmp_path):
    for name, updates in (("short", 12), ("long", 24)):
        run(recipe("iterative", updates=updates), images, tmp_path / name)
    short, long = ((tmp_path / n / "run/history.csv").read_text().splitlines() for n in ("short", "long"))
    *shared, ended = short
    assert long[: len(shared)] == shared
    lint = 6  # the last columns, filled at the end of a run
    assert long[len(shared)].rsplit(",", lint)[0] == ended.rsplit(",", lint)[0]
    last = "run/snapshots/0000012.safetensors"
    assert (tmp_path / "short" / last).read_bytes() == (tmp_path / "long" / last).read_bytes()


def test_draws_are_functions_of_seed_update_and_step(images):
    draws = Draws(3, Counts(1, 8), Z, *images)
    one, again, other = (draws(7, step) for step in (2, 2, 3))
    assert torch.equal(one.real, again.real) and torch.equal(one.u, again.u) and torch.equal(one.z, again.z)
    assert not torch.equal(one.real, other.real) and not torch.equal(one.u, other.u)
    assert one.u.shape == (8, 1, 1, 1)


def test_variants_of_different_n_critic_see_the_same_draws(recipe, images, monkeypatch):
    seen: dict[str, dict] = {"gan": {}, "wgan": {}}
    for variant, log in seen.items():
        original = Draws.__call__

        def spy(self, update, step, log=log, original=original):
            draw = original(self, update, step)
            log[update, step] = (draw.real, draw.z)
            return draw

        with monkeypatch.context() as patch:
            patch.setattr(Draws, "__call__", spy)
            one_update(new_state(recipe(variant), images[0]), Draws(0, Counts(1, 8), Z, *images))
    assert set(seen["gan"]) == {(1, 0), (1, GENERATOR_STEP)}
    assert len(seen["wgan"]) == recipe("wgan").variant.n_critic + 1 > 2
    for key, (real, z) in seen["gan"].items():
        assert torch.equal(real, seen["wgan"][key][0]) and torch.equal(z, seen["wgan"][key][1])


def test_a_variants_block_is_pickled_by_value(recipe):
    """Its class is made at run time: a process that has not made it reads the block all the same."""
    blocks = [recipe(variant).variant for variant in (*VARIANTS, *OPTIONS)]
    assert pickle.loads(pickle.dumps(blocks)) == blocks
    command = [sys.executable, "-c", "import pickle, sys; print(pickle.load(sys.stdin.buffer))"]
    seen = subprocess.run(command, input=pickle.dumps(blocks), capture_output=True, check=True).stdout.decode()
    assert seen == f"{blocks}\n"


def test_variants_of_the_same_networks_start_from_the_same_weights(recipe, images):
    recipes = [recipe(variant, seed=4) for variant in VARIANTS]
    alike = [one for one in recipes if (one.networks, one.latents) == (recipes[0].networks, recipes[0].latents)]
    assert len(recipes) > len(alike) >= len(STUDY)
    states = [new_state(one, images[0]) for one in alike]
    for state in states[1:]:
        for player in ("G", "D"):
            a, b = (getattr(s, player).network.state_dict() for s in (states[0], state))
            assert all(torch.equal(a[k], b[k]) for k in a)


def test_history_has_the_terms_that_were_optimised(recipe, images, tmp_path):
    rows = []
    run(recipe("iterative", n_critic=3), images, tmp_path, rows.append)
    with (tmp_path / "run" / "history.csv").open() as file:
        written = [{k: float(v) for k, v in row.items() if v} for row in csv.DictReader(file)]
    assert written == rows
    assert [row["update"] for row in rows] == [0, 1, 4, 8, 12]
    for row in rows[1:]:
        assert row["d_updates"] == 3 * row["update"] and row["images_seen"] == 8 * row["d_updates"]
        assert row["d_loss"] == pytest.approx(row["d/wasserstein"] + row["d/penalty"], rel=1e-5)
        assert row["d/penalty"] == pytest.approx(row["diagnostics/lambda"] * row["diagnostics/penalty"], rel=1e-5)
        assert row["gap"] == pytest.approx(-row["d/wasserstein"])
    names = {"distance", "ema", "reference", "rho", "alpha", "lambda", "penalty", "share", "grad_norm"}
    names |= {"profile_0.00", "profile_0.25", "profile_0.50", "profile_0.75", "profile_1.00"}
    assert {k.removeprefix("diagnostics/") for k in rows[1] if k.startswith("diagnostics/")} == names


@pytest.mark.parametrize("variant", ["gan", "wgan", "wgan_gp"])
def test_every_objective_logs_the_gradient_norm_between_generated_and_real(variant, recipe, images, tmp_path):
    """The profile of the last row is that of the critic as the run left it, on the last critic step's batch."""
    short, logged = recipe(variant), []
    run(short, images, tmp_path, logged.append)
    state = new_state(short, images[0])
    draws = Draws(0, Counts(1, 8), short.latents, *images, state.noises())
    for _ in range(short.train.updates):
        step = one_update(state, draws)
    for a in PROFILE_WEIGHTS:
        x_hat = a * step.batch.real + (1 - a) * step.batch.fake
        norm = gradient_norm(state.D.network, x_hat).mean().item()
        assert logged[-1][f"diagnostics/profile_{a:.2f}"] == pytest.approx(norm, rel=1e-5)


def test_the_profile_runs_from_generated_to_real_samples_of_a_batch():
    """D(x) = ||x||²/2 has the gradient x: its norm is 0 at generated samples of 0 and 8 a at real ones of a."""
    real = torch.linspace(0, 2, PROFILE_SAMPLES + 1).view(-1, 1, 1, 1).expand(-1, 1, 8, 8)  # the last is one too many
    batch = Batch(real, torch.zeros_like(real), torch.zeros(3, 4), torch.zeros(3, 1, 1, 1), torch.zeros(3))
    profile = gradient_profile(lambda x: x.square().flatten(1).sum(1) / 2, batch)
    assert list(profile) == [f"profile_{a:.2f}" for a in (0, 0.25, 0.5, 0.75, 1)]
    last = 8 * real[:-1, 0, 0, 0].mean().item()
    assert [norm.item() for norm in profile.values()] == pytest.approx([a * last for a in PROFILE_WEIGHTS], abs=1e-5)
    assert not any(norm.requires_grad for norm in profile.values())


def test_a_diverged_run_is_a_result_that_ends_before_the_first_bad_update(recipe, images, tmp_path, monkeypatch):
    """Inf appears in the critic's weights in update 6: nothing from update 6 on is written down."""
    real_step = Player.step

    def poisoned(self, loss, lr_factor):
        real_step(self, loss, lr_factor)
        poisoned.calls += 1
        if poisoned.calls == 2 * 5 + 1:  # gan: two steps an update
            with torch.no_grad():
                next(self.network.parameters()).view(-1)[0] = math.inf

    poisoned.calls = 0
    monkeypatch.setattr(Player, "step", poisoned)
    outcome = run(recipe("gan", train={"log_every": 1}), images, tmp_path)
    assert (outcome.status, outcome.diverged_at) == ("diverged", 6)
    with (tmp_path / "run" / "history.csv").open() as file:
        assert [int(row["update"]) for row in csv.DictReader(file)] == [0, 1, 2, 3, 4, 5]
    assert max(int(p.stem) for p in (tmp_path / "run" / "snapshots").iterdir()) == 5


def test_a_diverged_run_stops_and_logs_no_bad_row_at_a_sparse_interval(recipe, images, tmp_path):
    explosive = recipe("gan", optimizer={"name": "adam", "lr_g": 1e38, "lr_d": 1e38, "betas": [0.5, 0.999]})
    outcome = run(explosive, images, tmp_path)
    assert outcome.status == "diverged" and outcome.diverged_at <= 12
    with (tmp_path / "run" / "history.csv").open() as file:
        assert all(math.isfinite(float(v)) for row in csv.DictReader(file) for v in row.values() if v)


def test_sample_grids_are_taken_through_training_at_fixed_z(recipe, images, tmp_path):
    run(recipe("gan"), images, tmp_path)
    pictures = sorted((tmp_path / "run" / "samples").iterdir(), key=lambda p: int(p.stem))
    assert [int(pictures[0].stem), int(pictures[-1].stem)] == [0, 12]
    assert len(pictures) == 8
    with Image.open(tmp_path / "run" / "samples.gif") as gif:
        assert gif.n_frames == 8
    assert pictures[0].read_bytes() != pictures[-1].read_bytes()


def poisoned(monkeypatch, place: str, value: float) -> None:
    """In update 7, put `value` into the critic's loss, G's loss, a weight or a gradient of either player."""
    real_update, real_step = one_update, Player.step
    now = {"update": 0, "player": None}

    def update(state, draws):
        now.update(update=state.update + 1, player={"D": state.D, "G": state.G}[place[-1]])
        return real_update(state, draws)

    def step(player, loss, *rest):
        hit = now["update"] == 7 and player is now["player"]
        weight = next(player.network.parameters())
        if hit and place.startswith("loss"):
            loss = loss * value
        hook = weight.register_hook(lambda g: g * value) if hit and place.startswith("gradient") else None
        real_step(player, loss, *rest)
        if hook:
            hook.remove()
        if hit and place.startswith("weight"):
            weight.data.flatten()[0] = value

    monkeypatch.setattr(loop, "one_update", update)
    monkeypatch.setattr(Player, "step", step)


PLACES = ("loss of D", "loss of G", "gradient of D", "gradient of G", "weight of D", "weight of G")
DIVERGING, VALUES = ("gan", "wgan", "wgan_gp", "iterative"), (math.inf, math.nan)
# Half of all 48 cases, alternating like a chessboard, so that every two of variant, place and value meet. Of WGAN's
# weights of D it has NaN: clipped, no infinite weight of D outlasts its step.
BAD_UPDATES = [(v, p, VALUES[(i + j) % 2]) for i, v in enumerate(DIVERGING) for j, p in enumerate(PLACES)]


def test_the_cases_of_a_bad_update_cover_every_pair():
    assert len(BAD_UPDATES) == 24 and ("wgan", "weight of D", math.nan) in BAD_UPDATES
    for one, other, pairs in ((0, 1, 4 * 6), (0, 2, 4 * 2), (1, 2, 6 * 2)):
        assert len({(case[one], case[other]) for case in BAD_UPDATES}) == pairs


@pytest.mark.parametrize(("variant", "place", "value"), BAD_UPDATES)
def test_a_run_diverges_at_exactly_the_update_that_is_not_finite(
    variant, place, value, recipe, images, tmp_path, monkeypatch
):
    poisoned(monkeypatch, place, value)
    outcome = run(recipe(variant), images, tmp_path)
    assert (outcome.status, outcome.diverged_at) == ("diverged", 7)
    text = (tmp_path / "run" / "history.csv").read_text()
    assert "nan" not in text and "inf" not in text and text.splitlines()[-1].startswith("4,")
    assert max(int(path.stem) for path in (tmp_path / "run" / "snapshots").iterdir()) <= 6


class InfiniteOnce(Objective):
    """Another objective, but for an infinite constant in the loss of one step of update 7: it has no gradient."""

    def __init__(self, inner: Objective, step: int):
        super().__init__()
        self.inner, self.n_critic, self.step, self.done = inner, inner.n_critic, step, 0  # discriminator steps done

    def discriminator_terms(self, D, batch):
        terms = self.inner.discriminator_terms(D, batch)
        return infinite(terms) if divmod(self.done, self.n_critic) == (6, self.step) else terms

    def after_discriminator_step(self, D):
        self.inner.after_discriminator_step(D)
        self.done += 1

    def generator_terms(self, D, batch):
        terms = self.inner.generator_terms(D, batch)
        return infinite(terms) if (self.done, self.step) == (7 * self.n_critic, GENERATOR_STEP) else terms


def infinite(terms: Terms) -> Terms:
    return replace(terms, loss=terms.loss | {"constant": torch.tensor(math.inf)})


@pytest.mark.parametrize("step", [0, 1, GENERATOR_STEP])
def test_an_infinite_loss_with_finite_gradients_is_noted_in_every_step(step, recipe, images, tmp_path):
    """No weight shows it: a constant has no gradient."""
    made = new_run(recipe("wgan_gp"), images, tmp_path)
    assert made.state.objective.n_critic == 2
    made.state.objective = InfiniteOnce(made.state.objective, step)
    assert train(made).diverged_at == 7
