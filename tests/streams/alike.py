"""Pairs of names and addresses by which sketches are measured: two spellings of one, and two that are not one.

Made by hand. Some of the second kind are near to each other on purpose: one street, one family name, one letter.
"""

from __future__ import annotations

Pairs = tuple[tuple[str, str], ...]

SAME_LATIN_NAMES: Pairs = (
    ("Wei Zhang", "Zhang Wei"),
    ("Zhang Xiaoming", "Zhang Xiao Ming"),
    ("Jonathan Smith", "Jonathon Smith"),
    ("Anna-Maria Müller", "Anna Maria Mueller"),
    ("Katherine O'Brien", "Catherine OBrien"),
    ("José García López", "Jose Garcia Lopez"),
    ("Mohammed Al-Rashid", "Muhammad Al Rashid"),
    ("John Fitzgerald Miller", "John F. Miller"),
    ("Elizabeth Johnson", "Elisabeth Johnson"),
    ("Stephen Brown", "Steven Brown"),
    ("Nguyen Van Thanh", "Nguyen Thanh Van"),
)
SAME_CHINESE_NAMES: Pairs = (
    ("欧阳小明", "欧阳晓明"),
    ("李建国", "李建囯"),
    ("王小红", "王晓红"),
    ("阿卜杜拉·买买提", "阿不杜拉·买买提"),
    ("張偉", "張 偉"),
    ("陈志强", "陈志強"),
    ("司马相如", "司馬相如"),
    ("李娜", "李那"),
    ("刘文华", "刘闻华"),
)
SAME_LATIN_ADDRESSES: Pairs = (
    ("12 Main Street, Apartment 4, Springfield", "12 Main St Apt 4 Springfeild"),
    ("350 Fifth Avenue, New York, NY 10118", "350 5th Ave New York 10118"),
    ("221B Baker Street, London", "221 B Baker St., London NW1"),
    ("Hauptstraße 17, 10115 Berlin", "Hauptstr. 17 Berlin"),
    ("742 Evergreen Terrace, Springfield", "742 Evergren Terr Springfield"),
    ("1600 Pennsylvania Avenue NW Washington", "1600 Pensylvania Ave Northwest, Washington DC"),
    ("Flat 3, 28 Rose Lane, Leeds", "28 Rose Ln, apt 3, Leeds"),
)
SAME_CHINESE_ADDRESSES: Pairs = (
    ("浙江省杭州市西湖区文三路12号楼3单元501室", "杭州西湖区文三路12幢3单元501"),
    ("上海市浦东新区张江路88号5楼", "上海浦东张江路88号五层"),
    ("北京市朝阳区建国门外大街1号国贸大厦A座1203室", "北京朝阳区建国门外大街1号国贸A座1203"),
    ("广东省深圳市南山区科技园科苑路15号", "深圳市南山区科苑路15号科技园"),
    ("四川省成都市武侯区人民南路四段27号商鼎国际2栋", "四川成都武侯区人民南路4段27号商鼎国际2号楼"),
    ("江苏省南京市鼓楼区中山北路200号", "江苏南京市鼔楼区中山北路200号"),
)
OTHER_LATIN_NAMES: Pairs = (
    ("Wei Zhang", "Wei Wang"),
    ("Li Na", "Li Nan"),
    ("John Smith", "Jane Smith"),
    ("John Smith", "Joan Smythe"),
    ("Maria Lopez", "Mario Gomez"),
    ("Peter Brown", "Robert Brown"),
    ("Anna Schmidt", "Hanna Schneider"),
    ("David Johnson", "Daniel Jackson"),
    ("Michael Miller", "Michelle Muller"),
    ("Zhang Xiaoming", "Zhang Xiaohong"),
    ("Emily Clark", "Olivia Turner"),
    ("Thomas Anderson", "Andreas Thompson"),
    ("Nguyen Van Thanh", "Nguyen Thi Huong"),
)
OTHER_CHINESE_NAMES: Pairs = (
    ("李娜", "李明"),
    ("王小红", "王小明"),
    ("张伟", "王伟"),
    ("陈志强", "陈国强"),
    ("欧阳小明", "欧阳文静"),
    ("李建国", "李建军"),
    ("刘文华", "刘春英"),
    ("赵丽萍", "孙芳"),
    ("司马相如", "司马光"),
)
OTHER_LATIN_ADDRESSES: Pairs = (
    ("12 Main Street, Apartment 4, Springfield", "98 Oak Avenue, Springfield"),
    ("350 Fifth Avenue, New York, NY 10118", "11 Wall Street, New York, NY 10005"),
    ("221B Baker Street, London", "10 Downing Street, London"),
    ("Hauptstraße 17, 10115 Berlin", "Lindenstraße 4, 10969 Berlin"),
    ("Flat 3, 28 Rose Lane, Leeds", "Flat 9, 5 Park Road, Leeds"),
    ("742 Evergreen Terrace, Springfield", "19 Evergreen Court, Portland"),
    ("1600 Pennsylvania Avenue NW Washington", "700 Constitution Avenue NE Washington"),
)
OTHER_CHINESE_ADDRESSES: Pairs = (
    ("浙江省杭州市西湖区文三路12号楼3单元501室", "浙江省杭州市西湖区古墩路8号2单元302室"),
    ("上海市浦东新区张江路88号5楼", "上海市浦东新区世纪大道100号"),
    ("北京市朝阳区建国门外大街1号国贸大厦A座1203室", "北京市朝阳区望京东路6号"),
    ("广东省深圳市南山区科技园科苑路15号", "广东省深圳市南山区深南大道9028号"),
    ("四川省成都市武侯区人民南路四段27号商鼎国际2栋", "四川省成都市武侯区天府大道中段530号"),
    ("江苏省南京市鼓楼区中山北路200号", "江苏省南京市玄武区珠江路67号"),
)

GROUPS = {
    "latin name": ("name", SAME_LATIN_NAMES, OTHER_LATIN_NAMES),
    "chinese name": ("name", SAME_CHINESE_NAMES, OTHER_CHINESE_NAMES),
    "latin address": ("address", SAME_LATIN_ADDRESSES, OTHER_LATIN_ADDRESSES),
    "chinese address": ("address", SAME_CHINESE_ADDRESSES, OTHER_CHINESE_ADDRESSES),
}
"""Group → its kind, the pairs that are one, and the pairs that are two."""
