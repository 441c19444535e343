from __future__ import annotations

import numpy as np
import pytest

from esrgan_train.images.lettering import font, legible


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Müller ñ Łódź Ελλάδα Москва → ½", "Müller ñ Łódź Ελλάδα Москва → ½"),
        ("cafe\u0301", "café"),  # as macOS stores names
        ("写真 한", r"\u5199\u771f \ud55c"),
        ("\U0001f9ff", r"\U0001f9ff"),
        (b"caf\xe9".decode("utf-8", "surrogateescape"), r"caf\xe9"),
        ("a\nb\tc", r"a\nb\tc"),
        ("\u202egnp.exe", r"\u202egnp.exe"),  # would turn the rest of the line round
    ],
)
def test_what_the_font_lacks_becomes_an_escape(text: str, expected: str) -> None:
    assert legible(text) == expected


def test_every_letter_that_is_kept_has_a_shape_of_its_own() -> None:
    missing = np.asarray(font(30).getmask("\U0001f9ff"))  # is drawn as the font's box
    kept = [chr(code) for code in range(0x21, 0x3000) if legible(chr(code)) == chr(code)]
    assert len(kept) > 3000
    for letter in "aüïßñżŁαЖאع→∑½€":
        assert letter in kept
        assert not np.array_equal(np.asarray(font(30).getmask(letter)), missing)
