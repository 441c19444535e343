from typing import NamedTuple


class Match(NamedTuple):
    index: int
    earlier: int
    bits: int


def matches_between(fingerprints, others, *, most=6):
    out = []
    for i, f in enumerate(fingerprints):
        d = [(bin(int(f, 16) ^ int(o, 16)).count("1"), j) for j, o in enumerate(others)]
        b, j = min(d)
        if b <= most:
            out.append(Match(i, j, b))
    return out
