"""Figures in sentences."""


def figure(value: float) -> str:
    """Three digits that people read.

    >>> figure(4605.2), figure(0.03214), figure(-12.0)
    ('4,605', '0.0321', '-12')
    """
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
