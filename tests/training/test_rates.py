"""Schedules of the learning rates: closed forms, and torch's own schedulers."""

import pytest
import torch
from pydantic import TypeAdapter

from ganspeed.params.rates import Schedule
from ganspeed.training.rates import rate_factor

UPDATES = 40


def factors(**block) -> list[float]:
    """The factors of all updates of a run of UPDATES."""
    schedule = TypeAdapter(Schedule).validate_python(block)
    return [rate_factor(schedule, update, UPDATES) for update in range(1, UPDATES + 1)]


def torchs(make) -> list[float]:
    """The factors of one of torch's schedulers."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    scheduler, found = make(optimizer), []
    for _ in range(UPDATES):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return found


def test_a_constant_rate_and_a_half_life_of_0_stay():
    assert factors(name="constant") == factors(name="exponential", half_life=0) == [1.0] * UPDATES


def test_an_exponential_rate_halves_every_half_life():
    found = factors(name="exponential", half_life=10)
    assert found[0] == 1.0 and found[10] == 0.5 and found[20] == 0.25
    assert found == [0.5 ** ((update - 1) / 10) for update in range(1, UPDATES + 1)]


@pytest.mark.parametrize("final", [0.0, 0.25, 1.0])
def test_cosine_and_linear_are_torchs(final):
    schedulers = torch.optim.lr_scheduler
    cosine = torchs(lambda optimizer: schedulers.CosineAnnealingLR(optimizer, UPDATES, eta_min=final))
    assert factors(name="cosine", final=final) == pytest.approx(cosine, rel=1e-9)
    if final:
        linear = torchs(lambda optimizer: schedulers.LinearLR(optimizer, 1.0, final, UPDATES))
        assert factors(name="linear", final=final) == pytest.approx(linear, rel=1e-9)


def test_cosine_and_linear_end_after_the_last_update():
    for name in ("cosine", "linear"):
        found = factors(name=name, final=0.2)
        assert found[0] == 1.0 and found[UPDATES // 2] == pytest.approx(0.6)
        schedule = TypeAdapter(Schedule).validate_python({"name": name, "final": 0.2})
        assert rate_factor(schedule, UPDATES + 1, UPDATES) == pytest.approx(0.2)
        assert found == sorted(found, reverse=True) and found[-1] > 0.2


def test_step_is_torchs():
    found = torchs(lambda optimizer: torch.optim.lr_scheduler.StepLR(optimizer, 15, 0.1))
    assert factors(name="step", factor=0.1, every=15) == pytest.approx(found)


def test_warm_up_rises_in_a_line_and_stays():
    assert factors(name="warmup", updates=4)[:6] == [0.25, 0.5, 0.75, 1.0, 1.0, 1.0]


def test_what_is_no_schedule_is_an_error():
    with pytest.raises(TypeError, match="str is no schedule"):
        rate_factor("constant", 1, 10)
