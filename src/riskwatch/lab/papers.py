"""What names a simulated customer on an application: id number, phone, card, e-mail, name and address.

Numbers pass the tests that real ones pass, and follow from the customer's number, so that no two of many thousand
customers share one by chance. Cards begin with 9 and a country (ISO/IEC 7812: for national use, which no card scheme
has), e-mails are at example domains; names and addresses are put together from common parts.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from math import factorial
from typing import Literal

from msgspec import Struct
from stdnum import luhn
from stdnum.cn import ric
from stdnum.iso7064 import mod_11_10

from riskwatch.streams.events import Identifiers

Country = Literal["CN", "DE"]

_DISTRICTS: Mapping[str, str] = {
    "110101": "北京市东城区",
    "110102": "北京市西城区",
    "110105": "北京市朝阳区",
    "110106": "北京市丰台区",
    "110107": "北京市石景山区",
    "110108": "北京市海淀区",
    "120101": "天津市和平区",
    "120102": "天津市河东区",
    "120103": "天津市河西区",
    "120104": "天津市南开区",
    "310101": "上海市黄浦区",
    "310104": "上海市徐汇区",
    "310105": "上海市长宁区",
    "310106": "上海市静安区",
    "310107": "上海市普陀区",
    "310109": "上海市虹口区",
    "310110": "上海市杨浦区",
}
"""Code of a district (GB/T 2260) that was in force throughout → its name."""
_ROADS = ("银杏路", "梧桐路", "滨河路", "解放路", "光明路", "朝阳街", "新华路", "桂花街", "长春路", "和平路", "文昌街")
_SURNAMES = (
    "王wang 李li 张zhang 刘liu 陈chen 杨yang 赵zhao 黄huang 周zhou 吴wu 徐xu 孙sun 胡hu 朱zhu 高gao 林lin 何he 郭guo"
)
_GIVEN = (
    "伟wei 芳fang 娜na 敏min 静jing 丽li 强qiang 磊lei 军jun 洋yang "
    "勇yong 艳yan 杰jie 娟juan 涛tao 明ming 超chao 霞xia 平ping"
)
_STREETS = ("Linden", "Garten", "Berg", "Wald", "Feld", "Mühlen", "Rosen", "Wiesen", "Kirch", "Schul", "Birken")
_TOWNS = ("10117 Berlin", "80331 München", "20095 Hamburg")
_FAMILY = "Albrecht Bauer Conrad Dietz Ebert Fuchs Günther Hahn Jansen Kaiser Lorenz Maurer Nowak Otto Pohl Reuter Vogt"
_FIRST = "Anna Bernd Clara David Eva Felix Greta Hanna Jonas Karin Lukas Marie Nils Olga Paul Ruth Sofie Tim Ute Viktor"


class Papers(Struct, frozen=True, kw_only=True):
    """A customer's identifiers, each in all the spellings that the customer writes it in."""

    born: date
    id_number: tuple[str, ...]
    phone: tuple[str, ...]
    bank_card: tuple[str, ...]
    email: tuple[str, ...]
    name: tuple[str, ...]
    address: tuple[str, ...]

    def written(self, turn: int) -> Identifiers:
        """The identifiers as they are written the `turn`-th time: another time, other spellings."""
        return Identifiers(
            id_number=self.id_number[turn % len(self.id_number)],
            phone=self.phone[turn % len(self.phone)],
            bank_card=self.bank_card[turn % len(self.bank_card)],
            email=self.email[turn % len(self.email)],
            name=self.name[turn % len(self.name)],
            address=self.address[turn % len(self.address)],
        )


def papers_of(country: Country, number: int, seed: int) -> Papers:
    """The papers of the customer with this number (from 1). `seed` picks the birth date."""
    born = date(2004 - seed % 40, 1 + seed // 40 % 12, 1 + seed // 480 % 28)
    mixed = number * 7_368_787 % 10**8  # odd and no multiple of 5: no two numbers below 10^8 give one
    if country == "CN":
        return _chinese(number, mixed, born)
    return _german(number, mixed, born)


def _chinese(number: int, mixed: int, born: date) -> Papers:
    districts = tuple(_DISTRICTS)
    district = districts[number % len(districts)]
    person = f"{district}{born:%Y%m%d}{1 + number // len(districts) % 999:03d}"
    id_number = person + str(ric.calc_check_digit(f"{person}0"))
    phone = f"139{mixed:08d}"
    surname, first, second = (_pick(_SURNAMES, mixed), _pick(_GIVEN, mixed // 18), _pick(_GIVEN, mixed // 360))
    house, block, flat = 1 + mixed % 200, 1 + mixed // 200 % 20, f"{1 + mixed // 4_000 % 20}0{1 + mixed // 80_000 % 4}"
    road = _ROADS[mixed // 320_000 % len(_ROADS)]
    place = _DISTRICTS[district]
    name = surname[0] + first[0] + second[0]
    return Papers(
        born=born,
        id_number=(id_number, f"{id_number[:6]} {id_number[6:14]} {id_number[14:]}"),
        phone=(
            f"+86{phone}",
            f"+86 {phone[:3]} {phone[3:7]} {phone[7:]}",
            f"0086-{phone[:3]}-{phone[3:7]}-{phone[7:]}",
        ),
        bank_card=_cards("9156", mixed),
        email=_emails(f"{first[1:]}{second[1:]}.{surname[1:]}{number}"),
        name=(name, f"{surname[0]} {first[0]}{second[0]}"),
        address=(
            f"{place}{road}{house}号{block}栋{flat}室",
            f"中国{place}{road}{house}号{block}幢{flat}室",
            f"{place} {road} {house}# {block}号楼 {flat}号室",
        ),
    )


def _german(number: int, mixed: int, born: date) -> Papers:
    phone = f"151{mixed:08d}"
    family, first = _FAMILY.split()[mixed % 17], _FIRST.split()[mixed // 17 % 20]
    house, street, town = 1 + mixed % 200, _STREETS[mixed // 200 % len(_STREETS)], _TOWNS[mixed // 2_200 % len(_TOWNS)]
    flat = f"App. {1 + mixed // 6_600}"
    tax_id = _tax_id(number)
    return Papers(
        born=born,
        id_number=(tax_id, f"{tax_id[:2]} {tax_id[2:5]} {tax_id[5:8]} {tax_id[8:]}"),
        phone=(f"+49{phone}", f"+49 {phone[:3]} {phone[3:]}", f"0049-{phone[:3]}-{phone[3:]}"),
        bank_card=_cards("9276", mixed),
        email=_emails(f"{first}.{family}{number}".lower().replace("ü", "ue")),
        name=(f"{first} {family}", f"{first.upper()} {family.upper()}"),
        address=(
            f"{street}straße {house}, {flat}, {town}",
            f"{street}str. {house} {flat} {town}",
            f"{street.upper()}STRASSE {house}, {flat}, {town.upper()}",
        ),
    )


def _cards(prefix: str, mixed: int) -> tuple[str, ...]:
    body = f"{prefix}{mixed:011d}"
    card = body + str(luhn.calc_check_digit(body))
    return card, " ".join(card[at : at + 4] for at in range(0, 16, 4))


def _emails(local: str) -> tuple[str, ...]:
    return f"{local}@example.com", f"{local.capitalize()}@Example.com"


def _tax_id(number: int) -> str:
    """A German tax id: ten digits that do not begin with 0, one of them twice, and a check digit (ISO 7064).

    The arrangements of ten different digits that do not begin with 0 are counted through; of each the last digit is
    left out, and the first repeated in its place.
    """
    rank = factorial(9) + number * 1_000_003 % (9 * factorial(9))
    left, digits = list("0123456789"), ""
    for place in range(9, 0, -1):
        which, rank = divmod(rank, factorial(place))
        digits += left.pop(which)
    body = digits + digits[0]
    return body + str(mod_11_10.calc_check_digit(body))


def _pick(words: str, which: int) -> str:
    each = words.split()
    return each[which % len(each)]
