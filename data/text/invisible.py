"""Invisible characters, which stay with the character before them (UAX 29, rules WB3c and WB4).

Invisible are the characters of Word_Break Format (soft hyphen, word joiner, byte order mark inside text,
marks and overrides of direction ...), the joiners U+200C and U+200D, variation selectors, tags, and what else
of Extend is ignorable by default. The rules of tokens and sentences see the text without them. A token ends
after those that follow its last character; at the beginning of a text and after white space they belong to no
token. U+200B, zero-width space, is none of them (Word_Break Other): it separates like white space. A joiner
U+200D before an emoji makes one token of both sides.

See https://www.unicode.org/reports/tr29/ and
https://www.unicode.org/Public/UCD/latest/ucd/auxiliary/WordBreakProperty.txt.
"""

import re

# Word_Break=Format, and Default_Ignorable_Code_Point with Word_Break Extend or ZWJ.
INVISIBLE = (
    "\u00ad\u034f\u061c\u17b4\u17b5\u180b-\u180f\u200c-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f"
    "\ufe00-\ufe0f\ufeff\ufff9-\ufffb\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0001\U000e0020-\U000e007f\U000e0100-\U000e01ef"
)
ZERO_WIDTH_SPACE, JOINER = "\u200b", "\u200d"
# Extended_Pictographic, see https://www.unicode.org/Public/UCD/latest/ucd/emoji/emoji-data.txt.
PICTOGRAPHIC = (
    "\u00a9\u00ae\u203c\u2049\u2122\u2139\u2194-\u2199\u21a9\u21aa\u231a\u231b\u2328\u2388\u23cf\u23e9-\u23f3"
    "\u23f8-\u23fa\u24c2\u25aa\u25ab\u25b6\u25c0\u25fb-\u25fe\u2600-\u2605\u2607-\u2612\u2614-\u2685"
    "\u2690-\u2705\u2708-\u2712\u2714\u2716\u271d\u2721\u2728\u2733\u2734\u2744\u2747\u274c\u274e\u2753-\u2755"
    "\u2757\u2763-\u2767\u2795-\u2797\u27a1\u27b0\u27bf\u2934\u2935\u2b05-\u2b07\u2b1b\u2b1c\u2b50\u2b55\u3030"
    "\u303d\u3297\u3299\U0001f000-\U0001f0ff\U0001f10d-\U0001f10f\U0001f12f\U0001f16c-\U0001f171"
    "\U0001f17e\U0001f17f\U0001f18e\U0001f191-\U0001f19a\U0001f1ad-\U0001f1e5\U0001f201-\U0001f20f\U0001f21a"
    "\U0001f22f\U0001f232-\U0001f23a\U0001f23c-\U0001f23f\U0001f249-\U0001f3fa\U0001f400-\U0001f53d"
    "\U0001f546-\U0001f64f\U0001f680-\U0001f6ff\U0001f774-\U0001f77f\U0001f7d5-\U0001f7ff\U0001f80c-\U0001f80f"
    "\U0001f848-\U0001f84f\U0001f85a-\U0001f85f\U0001f888-\U0001f88f\U0001f8ae-\U0001f8ff\U0001f90c-\U0001f93a"
    "\U0001f93c-\U0001f945\U0001f947-\U0001faff\U0001fc00-\U0001fffd"
)
_SKIN_TONE = "[\U0001f3fb-\U0001f3ff](?=\u200d)"  # Word_Break Extend; inside of a joined emoji
_LEFT_OUT = re.compile(f"[{INVISIBLE}]|{_SKIN_TONE}")
_SPECIAL = re.compile(f"[{INVISIBLE}{ZERO_WIDTH_SPACE}]")
_JOINED = re.compile(f"{JOINER}[{PICTOGRAPHIC}]")


def visible(text: str) -> str:
    """The text without its invisible characters, zero-width spaces as spaces."""
    return text if text.isascii() else _LEFT_OUT.sub("", text).replace(ZERO_WIDTH_SPACE, " ")


def is_blank(text: str) -> bool:
    """True if a text has no visible character, and so no token."""
    return not visible(text.strip()).strip()


def places_of(text: str) -> list[int] | None:
    """Position of each character of `visible(text)` in the text, then the length of the text.

    Returns None if both are the same text.
    """
    if text.isascii() or not _SPECIAL.search(text):
        return None
    left_out = {match.start() for match in _LEFT_OUT.finditer(text)}
    return [place for place in range(len(text) + 1) if place not in left_out]


def is_joined(text: str, place: int) -> bool:
    """True if the emoji at a position is joined to what is before it."""
    return place > 0 and _JOINED.match(text, place - 1) is not None


def last_visible(text: str, end: int) -> int:
    """Position of the last visible character before `end`, 0 if there is none."""
    place = end - 1
    while place > 0 and _SPECIAL.match(text, place):
        place -= 1
    return max(place, 0)


def margin_of(text: str, count: int) -> int:
    """Length of an end of the text that has at least `count` characters that are not invisible.

    It is more than the length of the text if there are fewer.
    """
    size = count
    while size <= len(text):
        missing = count - len(visible(text[-size:]))
        if missing <= 0:
            return size
        size = max(size + missing, min(2 * size, len(text)))
    return size


def ranges(characters: str) -> list[tuple[int, int]]:
    """First and last code point of each range of a character class such as INVISIBLE."""
    return [(ord(match[1]), ord(match[2] or match[1])) for match in re.finditer("(.)(?:-(.))?", characters)]
