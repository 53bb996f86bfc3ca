"""What a caller says about a text file: the names of encodings and delimiters, checked."""

import codecs
import difflib
from encodings.aliases import aliases

from tenantry.errors import InvalidRequest

NAME_DELIMITER = "If columns are missing, name the sign between them (delimiter), such as ';', tab or space."
NAME_ENCODING = "If letters look wrong, name the encoding (encoding), such as cp1250 or shift_jis."

# Codecs of Python that turn bytes into bytes or are no way to write a file.
_NO_TEXT = frozenset(
    {"base64", "bz2", "hex", "idna", "mbcs", "oem", "punycode", "quopri", "raw_unicode_escape", "rot_13"}
    | {"undefined", "unicode_escape", "uu", "zlib"}
)
# Programs say the small set and write the large one (as the WHATWG's list of encodings has it).
_WIDER = {
    "shift_jis": "cp932",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "euc_kr": "cp949",
    "ascii": "utf-8",
    "utf_8_sig": "utf-8",
}
_NAMES = sorted(
    {
        name.replace("_", "-")
        for alias, codec in aliases.items()
        for name in (alias, codec)
        if codec.removesuffix("_codec") not in _NO_TEXT
    }
)
_SIGNS = {"tab": "\t", "\\t": "\t", "space": " ", "comma": ",", "semicolon": ";", "pipe": "|", "colon": ":"}


def encoding_of(name: str) -> str:
    """Python's name of the encoding. Raises ``InvalidRequest("encoding_unknown")`` with the nearest names."""
    plain = name.strip().lower()
    try:
        found = codecs.lookup(plain).name.replace("-", "_")
    except (LookupError, ValueError):
        found = ""
    if not found or found in _NO_TEXT:
        near = _nearest(plain.replace("_", "-"))
        raise InvalidRequest(
            "encoding_unknown",
            f"there is no encoding {name[:40]!r}" + (f"; near it are {', '.join(near)}" if near else ""),
            details={"nearest": near},
        )
    wider = _WIDER.get(found, found)
    return "utf-8" if wider == "utf_8" else wider


def _nearest(name: str) -> list[str]:
    """Names that look alike; of those that are equally near, the first in alphabetical order."""
    ratios = {known: difflib.SequenceMatcher(None, name, known).ratio() for known in _NAMES}
    return sorted((known for known in _NAMES if ratios[known] > 0.6), key=lambda known: -ratios[known])[:4]


def delimiter_of(name: str) -> str:
    """The delimiter as one sign; it may be named. Raises ``InvalidRequest("delimiter_invalid")``."""
    sign = _SIGNS.get(name.lower(), name)
    if len(sign) != 1 or sign.isalnum() or sign in "\"'\r\n\x00":
        raise InvalidRequest(
            "delimiter_invalid",
            f"{name[:40]!r} cannot be a delimiter: it must be one sign, no letter or quote",
        )
    return sign
