"""Write two numbers that differ so that they look different: 0.40004 is not above 0.4 as 0.4."""

ROUNDING_RATIO = 1e-6
"""Of a range: float32 keeps seven digits, so less beyond a bound is the bound itself"""
_MOST = 9


def apart(value: float, bound: float, digits: int = 3) -> tuple[str, str]:
    """
    Return a number and the bound it broke, with as many digits as tell the two apart.

    :param digits: significant digits where that many are enough.
    """
    alike = abs(value - bound) <= ROUNDING_RATIO * max(abs(value), abs(bound))
    for count in range(digits, digits if alike else _MOST + 1):
        texts = f'{value:.{count}g}', f'{bound:.{count}g}'
        if texts[0] != texts[1]:
            return texts
    return f'{value:.{digits}g}', f'{bound:.{digits}g}'


def percents_apart(ratio: float, bound: float) -> tuple[str, str]:
    """Return a ratio and its bound as percentages with signs and as many decimals as it takes."""
    for count in range(1, 6):
        texts = f'{ratio:+.{count}%}', f'{bound:+.{count}%}'
        if texts[0] != texts[1]:
            return texts
    return f'{ratio:+.1%}', f'{bound:+.1%}'
