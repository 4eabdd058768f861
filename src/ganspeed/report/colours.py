"""The look of a variant: its colour and dashes, the same in every figure of every study.

Every colour has a contrast of at least 3 to 1 against white. Those of the six variants that most studies compare differ
for the colour-blind too, and their dashes without any colour.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

BLACK, ORANGE, GREEN, BLUE, RED, INDIGO = "#1a1a1a", "#c77c00", "#00865f", "#0072b2", "#b2182b", "#332288"
CYAN, ROSE, GREY, WINE = "#0c93b0", "#c5496a", "#767676", "#882255"
PALETTE = (BLACK, ORANGE, GREEN, BLUE, RED, INDIGO, CYAN, ROSE, GREY, WINE)
SOLID, DASHED, DOTTED, DASH_DOT = (), (5, 1.5), (1.2, 1.2), (6, 1.5, 1.2, 1.5)
SHORT, DASH_DOT_DOT, LOOSE = (3, 1.2), (8, 2, 1.2, 2, 1.2, 2), (2, 2.6)
DASHES = (SOLID, DASHED, DOTTED, DASH_DOT, SHORT, DASH_DOT_DOT, LOOSE)


@dataclass(frozen=True)
class Look:
    """The colour and dashes of a variant in every figure."""

    colour: str  # #rrggbb
    dashes: tuple[float, ...]  # lengths of strokes and gaps in line widths; empty: solid

    def line(self, **options) -> dict:
        """Matplotlib's arguments for a line."""
        style = (0, self.dashes) if self.dashes else "-"
        return {"color": self.colour, "linestyle": style, **options}


# Variants that one preset compares have different colours or, beyond ten of them, lie in different panels.
SHIPPED = {
    "wgan_gp": Look(BLACK, SOLID),
    "gan": Look(ORANGE, DOTTED),
    "wgan": Look(GREEN, DASH_DOT),
    "iterative": Look(BLUE, DASHED),
    "iterative_alpha": Look(RED, SHORT),
    "iterative_weight": Look(INDIGO, DASH_DOT_DOT),
    "wgan_gp_copy": Look(GREY, LOOSE),
    "gan_tuned": Look(ORANGE, DASH_DOT),
    "wgan_tuned": Look(GREEN, SHORT),
    "wgan_gp_tuned": Look(WINE, SOLID),
    "wgan_gp_lambda_tuned": Look(ROSE, DASH_DOT_DOT),
    "iterative_tuned": Look(CYAN, DASHED),
    "iterative_alpha_tuned": Look(RED, DOTTED),
    "iterative_weight_tuned": Look(INDIGO, LOOSE),
    "iterative_replay": Look(CYAN, DOTTED),
    "alpha_batch_random": Look(ORANGE, DASHED),
    "alpha_fixed": Look(GREEN, LOOSE),
    "wgan_gp_1": Look(GREY, SHORT),
    "wgan_gp_0_1": Look(ROSE, DASH_DOT),
    "iterative_p1": Look(WINE, DASHED),
    "iterative_gap_over_norm": Look(ORANGE, SHORT),
    "iterative_sliced": Look(GREEN, DOTTED),
    "iterative_energy": Look(RED, DASH_DOT),
    "iterative_first": Look(INDIGO, SOLID),
    "iterative_decayed": Look(CYAN, DASH_DOT_DOT),
    "iterative_floor": Look(GREY, DASHED),
    "iterative_one_sided": Look(ROSE, LOOSE),
    "wgan_lp": Look(RED, SOLID),
    "wgan_gp_target_2": Look(INDIGO, DASHED),
    "agp": Look(CYAN, SOLID),
    "gan_minimax": Look(ROSE, SHORT),
    "least_squares": Look(GREY, DOTTED),
    "hinge": Look(WINE, DASH_DOT),
    "dragan": Look(BLUE, SOLID),
    "r1": Look(GREEN, SOLID),
    "r3gan": Look(CYAN, SHORT),
    "gan_spectral": Look(INDIGO, SHORT),
    "dcgan": Look(ORANGE, SOLID),
    "gan_pyramid": Look(GREY, SOLID),
    "ebgan": Look(WINE, SHORT),
    "infogan": Look(ROSE, SOLID),
    "gan_conditional": Look(RED, DASHED),
    "wgan_gp_conditional": Look(BLACK, DASHED),
    "debug_0000": Look(BLACK, DOTTED),
    "debug_0001": Look(GREY, DASH_DOT),
    "debug_0010": Look(GREEN, DASHED),
    "debug_0011": Look(BLUE, DOTTED),
    "debug_0100": Look(WINE, DASH_DOT_DOT),
    "debug_0101": Look(INDIGO, DOTTED),
    "debug_0110": Look(CYAN, DASH_DOT),
    "debug_0111": Look(ROSE, DASHED),
    "debug_1000": Look(BLACK, DASH_DOT),
    "debug_1001": Look(ORANGE, LOOSE),
    "debug_1010": Look(GREEN, DASH_DOT_DOT),
    "debug_1011": Look(BLUE, DASH_DOT),
    "debug_1100": Look(RED, LOOSE),
    "debug_1101": Look(INDIGO, DASH_DOT),
    "debug_1110": Look(CYAN, LOOSE),
    "debug_1111": Look(ROSE, DOTTED),
    "mlp_0000_1e3": Look(BLACK, SHORT),
    "mlp_1111_1e3": Look(GREY, DASH_DOT_DOT),
    "mlp_0000_1e4": Look(ORANGE, DASH_DOT_DOT),
    "mlp_1111_1e4": Look(WINE, DOTTED),
    "mlp_0000_3e5": Look(BLUE, SHORT),
    "mlp_1111_3e5": Look(RED, DASH_DOT_DOT),
}


def looks(variants: Sequence[str]) -> dict[str, Look]:
    """Variant → look. One that is not shipped has that of its name, or the next that no other of these has."""
    found = {variant: SHIPPED[variant] for variant in variants if variant in SHIPPED}
    for variant in sorted(set(variants) - found.keys()):
        found[variant] = _free_look(variant, list(found.values()))
    return {variant: found[variant] for variant in variants}


def _free_look(variant: str, taken: list[Look]) -> Look:
    """The colour that the fewest have, then dashes that none has with it, each from the name's own place onwards."""
    place = int.from_bytes(hashlib.sha256(variant.encode()).digest()[:8])
    uses, same = Counter(look.colour for look in taken), Counter(taken)
    colour = min(_from(PALETTE, place), key=lambda colour: uses[colour])
    return min((Look(colour, dashes) for dashes in _from(DASHES, place)), key=lambda look: same[look])


def _from(items: tuple, place: int) -> list:
    start = place % len(items)
    return [*items[start:], *items[:start]]
