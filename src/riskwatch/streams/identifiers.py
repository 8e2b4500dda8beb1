"""Spellings of one identifier made one: what is hashed, and whether it can be right.

Pure functions of the text and of the institution's region (ISO 3166-1 alpha-2, such as "CN"; None: unknown). An
identifier that fails its test is kept and marked, never refused: a wrong phone number still links two applications.
Notes never repeat the identifier. Normalising twice changes nothing more, except for phone numbers that failed: without
their `+` they may be read another way.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, tzinfo
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from unicodedata import category, normalize

import phonenumbers
from msgspec import Struct
from stdnum import luhn
from stdnum.cn import ric
from stdnum.exceptions import InvalidChecksum, InvalidComponent, ValidationError
from stdnum.us import itin, ssn

DOTS_AND_TAGS_IGNORED = {"gmail.com": "gmail.com", "googlemail.com": "gmail.com"}
"""Mail domains whose provider delivers `a.b+tag` to `ab` → the domain that stands for both. Source: Google's help on
"dots don't matter in Gmail addresses" and on aliases. Other providers' dots and tags are kept: elsewhere `a.b` and
`ab` may be two people."""

_CENTENARIANS = ("996", "997", "998", "999")
"""Sequence codes of 15-digit resident ids for people born before 1900 (GB 11643-1989)."""


class Normalised(Struct, frozen=True, kw_only=True):
    """One spelling of an identifier. `valid`: whether it can be right; None where nothing can tell. `note`: why, or
    what was taken out, in words; empty where there is nothing to say."""

    text: str
    valid: bool | None = None
    note: str = ""


class IdFacts(Struct, frozen=True, kw_only=True):
    """What an id number says of its holder. `region_code`: 6 digits of GB/T 2260, where the number was issued;
    `region`: its name as published."""

    birth_date: date | None = None
    region_code: str | None = None
    region: str | None = None


def check_region(region: str | None) -> None:
    """Raises `ValueError` for a region that phone numbers cannot be read in."""
    if region is not None and region not in phonenumbers.SUPPORTED_REGIONS:
        raise ValueError(
            f"region {region!r} is unknown: give an ISO 3166-1 code of two capitals, such as 'CN', or None"
        )


def collapsed(text: str) -> str:
    """NFKC, case-folded, runs of white space as one space; control and format characters gone."""
    shown = "".join(char for char in _folded(text) if char.isspace() or category(char) not in ("Cc", "Cf"))
    return _folded(" ".join(shown.split()))


def alphanumeric(text: str) -> str:
    """Letters and digits only, case-folded: `4111-1111 1111 1111` and `4111111111111111` are one card.

    Letters stay, because identity numbers have check letters (the X of Chinese ones).
    """
    return "".join(char for char in _folded(text) if char.isalnum())


def _folded(text: str) -> str:
    if text.isascii():
        return text.lower()
    # Folding may leave what NFKC composes, and composing what folds again; two rounds settle it.
    for _ in range(2):
        text = normalize("NFKC", normalize("NFKC", text).casefold())
    return text


# -------------------------------------------------------------------------------------------------------------- phones


def normalise_phone(text: str, region: str | None = None) -> Normalised:
    """E.164, such as `+8613800138000`, of a number that exists by the numbering plan; the extension is left out.

    Any other: its digits, a leading `00` read as the `+` of an international number. A national number without a
    region is neither right nor wrong. What exists is `phonenumbers`' word: a release that learns a new range of
    numbers changes their text. Raises `ValueError` for an unknown region.
    """
    check_region(region)
    plain = normalize("NFKC", text).strip()
    digits = "".join(char for char in plain if char.isdecimal())
    international = plain.startswith("+")
    written: list[tuple[str, str | None]] = [(plain, region)] if international or region is not None else []
    if digits.startswith("00") and not international:
        digits, international = digits[2:], True
        written.append((f"+{digits}", None))
    for each, home in written:
        try:
            number = phonenumbers.parse(each, home)
        except phonenumbers.NumberParseException:
            continue
        if phonenumbers.is_valid_number(number):
            exact = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
            return Normalised(text=exact, valid=True, note="extension left out" if number.extension else "")
    if digits and region is None and not international:
        return Normalised(text=digits, note="a national number, and no region to read it in")
    return Normalised(text=digits, valid=False, note="no phone number by the numbering plan" if digits else "no digits")


# ---------------------------------------------------------------------------------------------------------- id numbers

_RESIDENT = re.compile(r"[0-9]{17}[0-9x]|[0-9]{15}")


def normalise_id_number(text: str, region: str | None = None) -> Normalised:
    """Letters and digits, lower case; a Chinese resident id of 15 digits becomes the one of 18.

    Judged in China (resident id: check digit, birth date, region) and the USA (SSN, ITIN: unused ranges). A valid
    resident id is recognised without a region too. Anything else, passports among it, cannot be judged.
    """
    check_region(region)
    plain = alphanumeric(text)
    if not plain:
        return Normalised(text="", valid=False, note="no letters or digits")
    if region == "US" and re.fullmatch("[0-9]{9}", plain):
        if ssn.is_valid(plain):
            return Normalised(text=plain, valid=True, note="social security number")
        if itin.is_valid(plain):
            return Normalised(text=plain, valid=True, note="taxpayer identification number")
        return Normalised(text=plain, valid=False, note="a social security number that is never issued")
    if region in ("CN", None) and _RESIDENT.fullmatch(plain):
        whole = plain if len(plain) == 18 else _eighteen(plain)
        fault = _resident_fault(whole)
        if fault is None:
            return Normalised(text=whole, valid=True, note="resident id")
        if region == "CN":
            return Normalised(text=plain, valid=False, note=f"resident id: {fault}")
    return Normalised(text=plain, note="of a kind that cannot be judged")


def id_facts(text: str, region: str | None = None) -> IdFacts:
    """Birth date and region of a valid Chinese resident id; nothing of other numbers, which do not hold them."""
    found = normalise_id_number(text, region)
    if not found.valid or found.note != "resident id":
        return IdFacts()
    place = ric.get_birth_place(found.text)
    names = dict.fromkeys(name for name in (place.get("province"), place.get("county")) if name)
    return IdFacts(
        birth_date=ric.get_birth_date(found.text), region_code=found.text[:6], region=" ".join(names) or None
    )


def _eighteen(plain: str) -> str:
    """The 18-digit form of a 15-digit resident id: the century, and a check digit."""
    century = "18" if plain[12:] in _CENTENARIANS else "19"
    longer = f"{plain[:6]}{century}{plain[6:]}"
    return longer + str(ric.calc_check_digit(f"{longer}0")).lower()


def _resident_fault(plain: str) -> str | None:
    try:
        ric.validate(plain)
    except InvalidChecksum:
        return "wrong check digit"
    except InvalidComponent:
        return "no such birth date or region"
    except ValidationError as error:
        return str(error)
    return None


# ------------------------------------------------------------------------------------------- cards, e-mails, networks


def normalise_bank_card(text: str, region: str | None = None) -> Normalised:
    """Digits of a card number, 12 to 19 of them, judged by their Luhn check digit. Texts with letters are account
    numbers or tokens of some kind, which cannot be judged."""
    plain = alphanumeric(text)
    if not plain:
        return Normalised(text="", valid=False, note="no letters or digits")
    if not re.fullmatch("[0-9]+", plain):
        return Normalised(text=plain, note="no card number: it holds letters")
    if not 12 <= len(plain) <= 19:
        return Normalised(text=plain, valid=False, note="a card number has 12 to 19 digits")
    if len(set(plain)) == 1:
        return Normalised(text=plain, valid=False, note="one digit throughout")
    right = bool(luhn.is_valid(plain))
    return Normalised(text=plain, valid=right, note="" if right else "wrong check digit")


_LOCAL = re.compile(r"[^\s@\"(),:;<>\[\]\\]+")
_DOMAIN = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)(\.(?!-)[a-z0-9-]{1,63}(?<!-))+")


def normalise_email(text: str, region: str | None = None) -> Normalised:
    """Case-folded; the domain in ASCII (IDNA), without a last dot. Where the provider ignores dots and `+tag`
    (`DOTS_AND_TAGS_IGNORED`: Gmail alone), they are taken out. Valid: of the form `local@domain.tld`."""
    plain = collapsed(text)
    local, at, domain = plain.rpartition("@")
    try:
        domain = domain.rstrip(".").encode("idna").decode().lower()
    except UnicodeError:
        domain = ""
    if not at or not _LOCAL.fullmatch(local) or not _DOMAIN.fullmatch(domain):
        return Normalised(text=collapsed(text), valid=False, note="not of the form local@domain")
    one = DOTS_AND_TAGS_IGNORED.get(domain)
    if one is None:
        return Normalised(text=f"{local}@{domain}", valid=True)
    mailbox = local.partition("+")[0].replace(".", "")
    if not mailbox:
        return Normalised(text=f"{local}@{one}", valid=False, note="nothing before the tag")
    return Normalised(text=f"{mailbox}@{one}", valid=True, note="" if mailbox == local else "dots and tag left out")


def _address_of(text: str) -> IPv4Address | IPv6Address | None:
    try:
        found = ip_address(normalize("NFKC", text).strip().strip("[]").partition("%")[0])
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return found if mapped is None else mapped


def normalise_ip(text: str, region: str | None = None) -> Normalised:
    """The shortest writing of an IP address; `::ffff:192.0.2.1` is `192.0.2.1`, and a zone (`%eth0`) is left out."""
    found = _address_of(text)
    if found is None:
        return Normalised(text=collapsed(text), valid=False, note="no IP address")
    return Normalised(text=str(found), valid=True, note="" if found.is_global else "not a public address")


def normalise_ip_net(text: str, region: str | None = None) -> Normalised:
    """The network of an IP address: its /24, or the /64 of IPv6, which is the least that one subscriber is given."""
    found = _address_of(text.removesuffix("/24").removesuffix("/64"))
    if found is None:
        return Normalised(text=collapsed(text), valid=False, note="no IP address")
    network = ip_network(f"{found}/{24 if found.version == 4 else 64}", strict=False)
    return Normalised(text=str(network), valid=True, note="" if found.is_global else "not a public address")


# --------------------------------------------------------------------------------------------------- names, addresses

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
    folded = _folded(text.translate(_APOSTROPHES)).translate(_APOSTROPHES)
    kept = "".join(char if category(char)[0] in "LMN" else "" if category(char) == "Cf" else " " for char in folded)
    return _folded(_HAN_SPACE.sub("", " ".join(kept.split())))


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


# --------------------------------------------------------------------------------------------------------------- dates

_YEAR_FIRST = re.compile(r"([0-9]{4})(?:[-/.]([0-9]{1,2})[-/.]([0-9]{1,2})|年([0-9]{1,2})月([0-9]{1,2})日?)|([0-9]{8})")
_DOTTED = re.compile(r"([0-9]{1,2})\.([0-9]{1,2})\.([0-9]{4})")


def normalise_date(text: str | date, zone: tzinfo) -> Normalised:
    """`YYYY-MM-DD`. An instant gives its day on the institution's clock (`zone`); one without a zone is on that clock.

    Read: ISO 8601, `1994/3/7`, `19940307`, `1994年3月7日`, `7.3.1994`; years 1900 to 2199. `03/07/1994` is not: it is
    March to one reader and July to another.
    """
    plain = text.isoformat() if isinstance(text, date) else normalize("NFKC", text).strip()
    found = _day_of(plain, zone)
    if found is None or not 1900 <= found.year < 2200:
        return Normalised(text=collapsed(plain), valid=False, note="no date: write year-month-day, years 1900 to 2199")
    return Normalised(text=found.isoformat(), valid=True)


def _day_of(plain: str, zone: tzinfo) -> date | None:
    try:
        if match := _YEAR_FIRST.fullmatch(plain):
            whole = match[6]
            if whole is not None:
                return date(int(whole[:4]), int(whole[4:6]), int(whole[6:]))
            return date(int(match[1]), int(match[2] or match[4]), int(match[3] or match[5]))
        if match := _DOTTED.fullmatch(plain):
            return date(int(match[3]), int(match[2]), int(match[1]))
        if re.match(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]", plain) is None:
            return None
        at = datetime.fromisoformat(plain)
        return at.date() if at.tzinfo is None else at.astimezone(zone).date()
    except (ValueError, OverflowError):
        return None


NORMALISERS: Mapping[str, Callable[[str, str | None], Normalised]] = {
    "id_number": normalise_id_number,
    "phone": normalise_phone,
    "bank_card": normalise_bank_card,
    "email": normalise_email,
    "name": normalise_name,
    "address": normalise_address,
    "ip": normalise_ip,
    "ip-net": normalise_ip_net,
}
"""Kind of identifier → how its spellings are made one. Other kinds (devices) are opaque."""


def normalise(kind: str, text: str, region: str | None = None) -> Normalised:
    """The one spelling of an identifier of a kind; an opaque kind's text as it is. Raises `ValueError` for an unknown
    region."""
    normaliser = NORMALISERS.get(kind)
    return Normalised(text=text) if normaliser is None else normaliser(text, region)
