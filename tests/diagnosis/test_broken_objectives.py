"""Programs that are broken in one way, really trained for some hundred steps: each raises its own finding."""

import pytest
from mnist_question import ALL_REAL, COOPERATIVE_CRITIC, CRITIC, Program, as_asked, digits, program, trained

from ganspeed.diagnosis import Findings, diagnosed
from ganspeed.params.blocks import Diagnosis

FOUR = {"no_hidden_activation", "sigmoid_before_logits", "badly_scaled_weights", "output_range"}


def found(made: Program, low: float = -1.0, updates: int = 300) -> Findings:
    return diagnosed(trained(made, digits(low), updates), Diagnosis())


def test_the_mended_program_has_no_finding():
    assert found(program(), updates=600).names == []


@pytest.mark.parametrize(
    ("bugs", "name"),
    [
        ({"act": False}, "no_hidden_activation"),
        ({"logits": False}, "sigmoid_before_logits"),
        ({"normal": True}, "badly_scaled_weights"),
        ({"tanh": False}, "output_range"),
    ],
)
def test_each_bug_of_the_question_is_found_alone(bugs, name):
    assert FOUR & set(found(program(**bugs)).names) == {name}


def test_all_of_them_are_found_together_and_the_second_discriminator_too():
    names = set(found(as_asked()).names)
    assert names >= FOUR | {"idle_player"}


@pytest.mark.parametrize("terms", [ALL_REAL, COOPERATIVE_CRITIC])
def test_a_wrong_sign_makes_the_players_cooperate_from_the_start(terms):
    (finding,) = (finding for finding in found(program(terms=terms)) if finding.name == "idle_player")
    assert finding.since == 0 and "cooperate" in finding.title and finding.signs[0].value == pytest.approx(1)


def test_a_second_discriminator_is_out_of_reach_and_deceived():
    findings = {finding.name: finding for finding in found(program(twins=True))}
    assert findings["idle_player"].signs[0].value == 0 and "second one" in findings["idle_player"].advice
    assert "fooled_discriminator" in findings


def test_a_critic_without_clip_and_penalty_blows_up():
    """Where G does not keep up with it."""
    evidence = trained(program(terms=CRITIC), digits(), rate_g=1e-5, rate_d=1e-2)
    (finding,) = (finding for finding in diagnosed(evidence, Diagnosis()) if finding.name == "critic_blow_up")
    assert 0 < finding.since <= 300
