"""Ten significant digits: what lies beyond them depends on the order of summation."""


def rounded(value):
    """The same structure with every float to 10 significant digits."""
    if isinstance(value, dict):
        return {k: rounded(v) for k, v in value.items()}
    if isinstance(value, list):
        return [rounded(v) for v in value]
    return float(f"{value:.10g}") if isinstance(value, float) else value
