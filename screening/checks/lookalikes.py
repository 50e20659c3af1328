"""Characters that look like Latin letters or like nothing, and what a reader takes them for."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping

# Unicode UTS #39, confusables.txt (15.1), letters that look like one ASCII letter; beside them small letters of
# Cyrillic that look like the capital, as they are used for it (к, м, н, т, в)
ALIKE = {
    "A": "ΑАᎪᗅꓮ", "B": "ΒВᏴᗷꓐ", "C": "ϹⲤСᏟꓚ", "D": "Ꭰᗞᗪꓓ", "E": "ΕЕⴹᎬꓰ", "F": "ϜᖴꓝҒ", "G": "ԌᏀᏳꓖ",
    "H": "ΗⲎНᎻᕼꓧ", "I": "ΙІӀⲒᛁꓲ", "J": "ͿЈᎫᒍꓙ", "K": "ΚⲔКᏦᛕꓗ", "L": "ⳐᏞᒪꓡ", "M": "ΜϺⲘМᎷᗰᛖꓟ", "N": "ΝⲚꓠ",
    "O": "ΟⲞОՕⵔꓳ", "P": "ΡⲢРᏢᑭꓑ", "Q": "ⵕ", "R": "ᎡᏒᖇꓣ", "S": "ЅՏᏕᏚꓢ", "T": "ΤⲦТᎢꓔ", "U": "Սᑌꓴ",
    "V": "ѴⴸᏙᐯꓦ", "W": "ԜᎳᏔꓪ", "X": "ΧⲬХⵝꓫ", "Y": "ΥϒⲨУҮᎩᎽꓬ", "Z": "ΖᏃꓜ", "a": "αа", "b": "ЬᏏᑲвᵇ",
    "c": "ϲⲥсꮯ", "d": "ԁᏧᑯ", "e": "еҽєё", "f": "ք", "g": "ց", "h": "һհᏂн", "i": "ιіꭵᎥї", "j": "ϳј",
    "k": "κкᴋ", "l": "ӏ", "m": "м", "n": "ոռηп", "o": "οⲟоօ", "p": "ρⲣр", "q": "ԛգզ", "r": "ⲅгꮁ", "s": "ѕꮪ",
    "t": "τт", "u": "υսц", "v": "νѵꮩ", "w": "ωѡԝաꮃ", "x": "хχᕁᕽ", "y": "γуүყ", "z": "ꮓ",
}  # fmt: skip
LOOKALIKES = {ord(sign): letter for letter, signs in ALIKE.items() for sign in signs}
# Letters of Greek that science writes beside Latin ones (TNFα, NFκB): they count only between two Latin letters.
SCIENCE = frozenset("αγηικνρτυχω")

SMALL_CAPITALS = str.maketrans("ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘǫʀꜱᴛᴜᴠᴡʏᴢғ", "abcdefghijklmnopqrstuvwyzf")
SAME = "soxzcvw"  # small letters that look like their small capitals

# Unicode's default ignorable code points, but for the tag characters: they take no room between letters
INVISIBLE = (
    "\u00ad\u034f\u061c\u115f\u1160\u180b-\u180f\u200b-\u200f\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0"
    "\U000e0100-\U000e01ef"
)

# full-width, mathematical, circled, bracketed, squared, raised and lowered letters
RANGES = (
    (0xFF01, 0xFF5E), (0x1D400, 0x1D7FF), (0x249C, 0x24E9), (0x2100, 0x2149), (0x1F110, 0x1F189), (0x02B0, 0x02B8),
    (0x02E0, 0x02E4), (0x1D2C, 0x1D6A), (0x2071, 0x2071), (0x207F, 0x207F), (0x2090, 0x209C),
)  # fmt: skip
NEGATIVE = (0x1F150, 0x1F170)  # white letters in a black circle or square, which NFKC leaves


def _styled() -> Mapping[int, str]:
    found = {first + i: chr(65 + i) for first in NEGATIVE for i in range(26)}
    for first, last in RANGES:
        for code in range(first, last + 1):
            plain = unicodedata.normalize("NFKC", chr(code))
            letter = plain[1] if len(plain) == 3 and plain[0] == "(" else plain
            if len(letter) == 1 and "!" <= letter <= "~":
                found.setdefault(code, letter)
    return found


STYLED = _styled()


def spans(codes: Iterable[int]) -> str:
    """Return code points as what stands between the brackets of a regular expression; single ones would be slow."""
    found: list[list[int]] = []
    for code in sorted(codes):
        if found and code == found[-1][1] + 1:
            found[-1][1] = code
        else:
            found.append([code, code])
    return "".join(f"{chr(first)}-{chr(last)}" for first, last in found)
