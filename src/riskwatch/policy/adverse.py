"""What an applicant is told: the adverse-action text of each reason code, in English and Chinese.

The texts name the specific, principal reason, as Regulation B asks (12 CFR 1002.9(b)(2) and its sample form C-1): "a
score that is too low" or "internal standards" would not do, the characteristic behind the points does. They are
written to the applicant, name no person, and give away no threshold. A policy may say its own under `[texts.<code>]`.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct


class Texts(Struct, frozen=True, kw_only=True):
    """The text of one reason code, for the applicant."""

    en: str
    zh: str


ALLOWED_ALWAYS = "allow-always"
"""The applicant stands on the list of those that only a legal bar stops."""
AMOUNT_REDUCED = "amount-reduced"
"""Less is offered than was asked for."""
APPLICATION_INCOMPLETE = "application-incomplete"
"""Something that the applicant declares is not known."""
BUREAU_UNAVAILABLE = "bureau-unavailable"
"""Something that the credit bureau reports is not known."""
IDENTITY_UNVERIFIED = "identity-unverified"
"""An identifier that the policy asks for is absent, wrong, or such that nothing can tell."""
LIMIT_BELOW_MINIMUM = "limit-below-minimum"
"""What could be lent is less than the smallest loan."""
LINKS_MISSING = "links-missing"
"""Facts about linked identities, or the fraud-case library's answer, did not come by the deadline."""
RECORD_UNAVAILABLE = "record-unavailable"
"""Something of the customer's own record or behaviour is not known."""
RISK_ABOVE_AUTOMATIC = "risk-above-automatic"
"""The probability of default is above what is decided without a person."""

BUILT_IN: tuple[str, ...] = (
    ALLOWED_ALWAYS,
    AMOUNT_REDUCED,
    APPLICATION_INCOMPLETE,
    BUREAU_UNAVAILABLE,
    IDENTITY_UNVERIFIED,
    LIMIT_BELOW_MINIMUM,
    LINKS_MISSING,
    RECORD_UNAVAILABLE,
    RISK_ABOVE_AUTOMATIC,
)
"""Codes that every policy can produce, whatever its rules."""

TEXTS: Mapping[str, Texts] = {
    code: Texts(en=en, zh=zh)
    for code, en, zh in (
        # The order of steps itself
        (ALLOWED_ALWAYS, "You are a customer whom we approve by agreement.", "您属于本机构约定直接核准的客户。"),
        (
            AMOUNT_REDUCED,
            "We offer a smaller amount than you asked for; it is bounded by your income, your existing loans with us "
            "or the terms of your credit grade.",
            "核准金额低于您的申请金额：该金额受您的收入、在本机构的现有借款或信用等级条件所限。",
        ),
        (
            APPLICATION_INCOMPLETE,
            "The application is incomplete: information that we need is missing.",
            "申请资料不完整，缺少审批所需的信息。",
        ),
        (
            BUREAU_UNAVAILABLE,
            "We could not obtain your record from the credit bureau.",
            "未能从征信机构取得您的信用记录。",
        ),
        (
            LIMIT_BELOW_MINIMUM,
            "Your income, less your existing obligations, does not support the smallest loan that we offer.",
            "您的收入扣除现有负债后，不足以支持本机构的最低借款额度。",
        ),
        (
            LINKS_MISSING,
            "We could not complete the verification of your identity information in time; a person will look at it.",
            "未能及时完成对您身份信息的核验，将转由人工审核。",
        ),
        (
            RECORD_UNAVAILABLE,
            "We could not obtain your account record with us; a person will look at it.",
            "未能取得您在本机构的账户记录，将转由人工审核。",
        ),
        (
            RISK_ABOVE_AUTOMATIC,
            "The information in your application and credit record asks for a review by a person.",
            "根据您的申请资料和信用记录，该申请需由人工审核。",
        ),
        # Legal bars
        ("age-below-legal", "You have not reached the legal age for a loan.", "您未达到法定借款年龄。"),
        (
            "student-lending-barred",
            "The law does not allow us to lend this product to students.",
            "根据监管规定，本产品不得向在校学生发放。",
        ),
        (
            "region-not-served",
            "We are not licensed to lend, or do not offer this product, where you live.",
            "本机构在您所在地区未获经营许可或未提供该产品。",
        ),
        # Income and obligations
        (
            "income-insufficient",
            "Income insufficient for the amount of credit requested.",
            "收入不足以支持所申请的金额。",
        ),
        (
            "obligations-excessive",
            "Excessive obligations in relation to income.",
            "现有负债及月还款额相对收入过高。",
        ),
        ("outstanding-excessive", "Too much outstanding debt with other lenders.", "在其他机构的未偿还借款余额过高。"),
        ("amount-excessive", "The amount asked for is too high in relation to income.", "申请金额相对收入过高。"),
        ("income-unverified", "Unable to verify income.", "无法核实您的收入。"),
        ("employment-type", "Temporary or irregular employment, or none.", "就业状况不稳定或无固定职业。"),
        ("employment-short", "Length of employment.", "现职工作年限较短。"),
        ("age-profile", "Age in relation to the term of the loan.", "年龄与借款期限的匹配程度。"),
        # Credit record
        ("bureau-record", "Credit record at the credit bureau.", "征信记录综合状况不足。"),
        (
            "delinquency-others",
            "Delinquent past or present credit obligations with others.",
            "在其他机构存在逾期记录。",
        ),
        ("delinquency-own", "Poor credit performance with us.", "在本机构存在逾期记录。"),
        (
            "inquiries-many",
            "Number of recent inquiries on the credit bureau report.",
            "近期征信查询次数过多。",
        ),
        ("open-loans-many", "Number of open loans with other lenders.", "在其他机构的未结清借款笔数过多。"),
        ("credit-history-short", "Limited credit experience.", "信用历史较短。"),
        ("own-history-short", "Limited history of repaid loans with us.", "在本机构的已结清借款记录较少。"),
        # Identity and fraud
        (
            "listed-block",
            "The information in the application matches a record of misuse of credit at this institution.",
            "申请信息与本机构记录的信贷欺诈或违规使用信息一致。",
        ),
        (
            "listed-watch",
            "The information in the application asks for a verification by a person.",
            "申请信息需由人工核实。",
        ),
        (
            "case-match",
            "The identity information in the application matches that of a confirmed case of fraud.",
            "申请中的身份信息与已确认的欺诈案件信息一致。",
        ),
        (
            IDENTITY_UNVERIFIED,
            "Unable to verify identity.",
            "无法核实您的身份。",
        ),
        (
            "id-number-invalid",
            "The identity number in the application is not one that can have been issued.",
            "申请中的证件号码未通过校验，不是有效号码。",
        ),
        (
            "birth-date-differs",
            "The date of birth in the application differs from the one in the identity number.",
            "申请中的出生日期与证件号码所载出生日期不一致。",
        ),
        (
            "device-unsafe",
            "The device that you applied with could not be verified: an emulated or manipulated device.",
            "申请所用设备未通过核验（模拟器或被改动的设备）。",
        ),
        (
            "device-shared",
            "The device that you applied with is used by several applicants.",
            "申请所用设备被多名申请人共用。",
        ),
        (
            "contact-shared",
            "The phone number or address in the application is used by several applicants.",
            "申请中的手机号码或地址被多名申请人共用。",
        ),
        (
            "bank-card-shared",
            "The bank card in the application is used by several applicants.",
            "申请中的银行卡被多名申请人共用。",
        ),
        (
            "linked-to-fraud",
            "The device or contact information in the application was used in a confirmed case of fraud.",
            "申请所用设备或联系信息曾出现在已确认的欺诈案件中。",
        ),
        (
            "linked-group",
            "The application shares device or contact information with a group of applicants.",
            "申请与一组申请人存在设备或联系信息关联。",
        ),
        ("applications-many", "Number of recent applications with us.", "近期在本机构的申请次数过多。"),
        (
            "account-recently-changed",
            "Your phone's SIM card or device was changed shortly before the application.",
            "申请前不久更换过手机 SIM 卡或设备。",
        ),
    )
}
"""Texts by code; `[texts.<code>]` of a policy goes before."""


def text_of(code: str, own: Mapping[str, Texts]) -> Texts:
    """The policy's own text of a code, else the one here; a code without any is named in both languages."""
    found = own.get(code) or TEXTS.get(code)
    return Texts(en=f"Other reason: {code}.", zh=f"其他原因：{code}。") if found is None else found
