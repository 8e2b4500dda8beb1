"""Names and postal addresses: words without punctuation, and one short form for what has several.

Nothing can tell whether they are right.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from unicodedata import category

from riskwatch.streams.spelling import Normalised, folded

_HAN = "\u3005\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_HAN_SPACE = re.compile(f"(?<=[{_HAN}]) | (?=[{_HAN}])")
_APOSTROPHES = str.maketrans("", "", "'’‘ʼ´`＇")


def normalise_name(text: str, region: str | None = None) -> Normalised:
    """NFKC, case-folded, without punctuation: apostrophes go, hyphens and dots part words; spaces and middle dots
    between Chinese characters go. Order, accents, and traditional or simplified characters stay as they are."""
    return _unjudged(_words(text))


def normalise_address(text: str, region: str | None = None) -> Normalised:
    """As a name is, and with the common abbreviations of streets (`STREETS`, German and Dutch endings, "no." before a
    number), of Chinese provinces, and one word for each Chinese part of a building (12幢 and 12号楼 are 12栋, 三单元
    is 3单元). Both "street" and "saint" become "st", so no guess is needed which of them "st." is."""
    # In Chinese, 12# is 12号; elsewhere # is punctuation.
    marked = re.sub(r"(?<=[0-9])\s*#", "号", text) if re.search(f"[{_HAN}]", text) else text
    tokens: list[str] = []
    for word in reversed(_BOX.sub("po box", _words(marked)).split(" ")):
        token = STREETS.get(short := _STREET_ENDING.sub("st", word), short)
        if not (token in _NUMBER_WORDS and tokens and tokens[-1][0].isdecimal()):
            tokens.append(token)
    plain = _COUNTRY.sub("", " ".join(reversed(tokens)))
    plain = _PROVINCE.sub(lambda match: match[1] or match[2] or match[3], plain)
    for pattern, put in _BUILDING:
        plain = pattern.sub(put, plain)
    return _unjudged(plain)


def _unjudged(plain: str) -> Normalised:
    return Normalised(text=plain) if plain else Normalised(text="", valid=False, note="no letters or digits")


def _words(text: str) -> str:
    """Words with one space between; none beside a Chinese character."""
    plain = folded(text.translate(_APOSTROPHES)).translate(_APOSTROPHES)
    kept = "".join(char if category(char)[0] in "LMN" else "" if category(char) == "Cf" else " " for char in plain)
    return folded(_HAN_SPACE.sub("", " ".join(kept.split())))


_SHORT = {
    "st": "street strt str strasse straat saint sankt",
    "ave": "avenue av aven avenu avn avnue avenida avda",
    "blvd": "boulevard boul boulv bd",
    "rd": "road",
    "dr": "drive driv drv",
    "ln": "lane",
    "ct": "court crt",
    "pl": "place platz",
    "sq": "square sqr",
    "ter": "terrace terr",
    "pkwy": "parkway pky parkwy",
    "hwy": "highway hiway",
    "cir": "circle circ",
    "cres": "crescent",
    "expy": "expressway expwy",
    "trl": "trail",
    "hts": "heights",
    "mt": "mount",
    "ft": "fort",
    "ctr": "center centre",
    "bldg": "building",
    "apt": "apartment flat",
    "ste": "suite",
    "fl": "floor flr",
    "rm": "room",
    "n": "north",
    "s": "south",
    "e": "east",
    "w": "west",
    "ne": "northeast",
    "nw": "northwest",
    "se": "southeast",
    "sw": "southwest",
}
STREETS: Mapping[str, str] = {long: short for short, longs in _SHORT.items() for long in longs.split()}
"""Word of an address → its short form. Source: USPS Publication 28, appendices B to C2, and their like in German,
Dutch, French and Spanish."""
_STREET_ENDING = re.compile(r"(?<=\w\w\w)(?:strasse|straat|str)$")
_BOX = re.compile(r"\bp o box\b")
_NUMBER_WORDS = frozenset({"no", "nr", "num", "number"})

_PROVINCES = (
    "河北|山西|辽宁|吉林|黑龙江|江苏|浙江|安徽|福建|江西|山东|河南|湖北|湖南|广东|海南"
    "|四川|贵州|云南|陕西|甘肃|青海|台湾"
)
_CITIES, _REGIONS = "北京|天津|上海|重庆", "内蒙古|广西|西藏|宁夏|新疆|香港|澳门"
_COUNTRY = re.compile(f"^(?:中华人民共和国|中国)(?={_PROVINCES}|{_CITIES}|{_REGIONS})")
_PROVINCE = re.compile(
    f"^(?:({_PROVINCES})省+|({_CITIES})市+(?:\\2市+)*|({_REGIONS})(?:壮族|回族|维吾尔)?(?:自治区|特别行政区)+)"
)
_NUMERALS = {char: value for value, char in enumerate("〇一二三四五六七八九")} | {"零": 0, "两": 2}
_PARTS = "号栋幢座单层楼室弄期"


def _number(match: re.Match[str]) -> str:
    """A Chinese numeral in digits: 十二 is 12, 一百零五 is 105, 一〇二 is 102."""
    text = match[0]
    if not set(text) & {"十", "百"}:
        return "".join(str(_NUMERALS[char]) for char in text)
    total, digit = 0, 0
    for char in text:
        if char in "十百":
            total, digit = total + (digit or 1) * (10 if char == "十" else 100), 0
        else:
            digit = _NUMERALS[char]
    return str(total + digit)


_BUILDING: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = (
    (re.compile("[號樓棟單層]"), lambda match: "号楼栋单层"["號樓棟單層".index(match[0])]),
    (re.compile(f"[〇零一二两三四五六七八九十百]+(?=[{_PARTS}])"), _number),
    (re.compile("(?<=[0-9a-z])(?:号楼|幢|座)"), "栋"),
    (re.compile("(?<=[0-9])(?:号?房|号室)"), "室"),
    (re.compile("(?<=[0-9])楼"), "层"),
)
