"""Colours of numbers: a table in which equal steps look equally large.

It is viridis, by Nathaniel Smith, Stéfan van der Walt and Eric Firing, in the public domain (CC0):
every fourth or so of its 256 colours (https://bids.github.io/colormap). Dark is low and bright is
high for people with any colour vision, and in print.
"""

from __future__ import annotations

from tui.widgets.palette import RGB

_VIRIDIS = """
440154 46075a 470d60 471365 48186a 481d6f 482374 482878 472d7b 46327e 453781 433d84
424186 404688 3e4a89 3c4f8a 3a538b 38588c 365c8d 34608d 32648e 31688e 2f6c8e 2d708e
2c738e 2a778e 297b8e 277f8e 26828e 24868e 238a8d 218e8d 20928c 1f968b 1f9a8a 1f9e89
1fa187 21a585 23a983 26ad81 2ab07f 2fb47c 35b779 3bbb75 42be71 4ac16d 52c569 5ac864
63cb5f 6ccd5a 75d054 7fd34e 89d548 95d840 a0da39 aadc32 b5de2b c0df25 cae11f d5e21a
dfe318 eae51a f4e61e fde725
"""


def _rgb(code: str) -> RGB:
    red, green, blue = bytes.fromhex(code)
    return red, green, blue


COLOR_MAP: tuple[RGB, ...] = tuple(map(_rgb, _VIRIDIS.split()))
"""From the lowest number to the highest."""

RAMP = " .:-=+*#%@"
"""Characters in place of colours, likewise."""
