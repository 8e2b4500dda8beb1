"""What a customer is told about a change of grade, limit or rate, or a freeze: texts by reason code, in English and
Chinese. As in `policy.adverse`, they name the specific reason, no person, and no threshold.
"""

from __future__ import annotations

from collections.abc import Mapping

from riskwatch.policy.adverse import TEXTS, Texts, text_of

FRAUD_CLEARED = "fraud-cleared"
"""What a line was frozen for is cleared."""
LEGAL_CAP = "legal-cap"
"""The rate is lowered to what the law allows."""
IN_USE = "limit-in-use"
"""A lower limit that was announced would have come into force below what is in use."""
LINE_GRADED = "line-graded"
"""A line without a grade got its first."""

ACCOUNT_BUILT_IN: tuple[str, ...] = (FRAUD_CLEARED, LEGAL_CAP, IN_USE, LINE_GRADED)
"""Codes that every `[account]` can produce, whatever its scorecard and its freeze rules."""

ACCOUNT_TEXTS: Mapping[str, Texts] = {
    code: Texts(en=en, zh=zh)
    for code, en, zh in (
        (FRAUD_CLEARED, "The suspicion for which your account was frozen is cleared.", "导致账户冻结的疑点已经排除。"),
        (LEGAL_CAP, "Your rate is lowered to the highest that the law allows.", "您的利率已下调至法律允许的上限。"),
        (
            IN_USE,
            "Your limit stays at the amount that you have in use, above the one that was announced.",
            "您的额度保持为当前已用金额，高于此前通知的额度。",
        ),
        (
            LINE_GRADED,
            "Your account has been graded for the first time; your limit and rate stay as they are.",
            "您的账户首次完成评级，额度和利率保持不变。",
        ),
        # What speaks against a customer
        ("overdue-now", "An instalment with us is past due.", "您在本机构有分期款项已逾期。"),
        ("overdue-recently", "Instalments with us were past due recently.", "近期在本机构出现过逾期。"),
        ("paid-late", "Recent payments arrived after their due date.", "近期还款晚于到期日。"),
        ("paid-in-part", "Recent payments did not cover the instalment.", "近期还款未足额覆盖当期应还金额。"),
        ("payments-returned", "Recent payments were returned unpaid.", "近期还款扣款失败或被退回。"),
        ("promises-broken", "A promise to pay was not kept.", "承诺的还款未能兑现。"),
        (
            "utilisation-high",
            "A high share of the limit is in use.",
            "额度使用率较高。",
        ),
        ("loans-many", "Number of loans opened with us recently.", "近期在本机构新增借款较多。"),
        ("applications-recent", "Number of recent applications for credit with us.", "近期在本机构申请借款次数较多。"),
        ("history-short", "The account has been open for a short time.", "账户使用时间较短。"),
        ("unreached", "We could not reach you with the contact details that we have.", "现有联系方式无法联系到您。"),
        # What speaks for one
        ("gain-nothing-overdue", "Nothing with us is past due.", "您在本机构目前无逾期。"),
        ("gain-clean-record", "Your instalments with us were paid within the last months.", "近几个月的分期均已还清。"),
        ("gain-paid-on-time", "Recent payments arrived on time.", "近期还款按时到账。"),
        ("gain-paid-in-full", "Recent payments covered their instalments in full.", "近期还款均足额覆盖当期应还金额。"),
        ("gain-payments-honoured", "None of your recent payments was returned.", "近期还款无扣款失败。"),
        ("gain-promises-kept", "No promise to pay was broken.", "还款承诺均已履行。"),
        ("gain-utilisation-low", "A moderate share of the limit is in use.", "额度使用率适中。"),
        ("gain-loans-few", "Few loans were opened with us recently.", "近期新增借款较少。"),
        ("gain-applications-few", "Few recent applications for credit with us.", "近期申请借款次数较少。"),
        ("gain-history-long", "The account has been open for a long time.", "账户使用时间较长。"),
        ("gain-reached", "We can reach you with the contact details that we have.", "您的联系方式有效。"),
        # Freezes
        (
            "fraud-confirmed",
            "A fraud that concerns your account was confirmed; to protect you nothing more can be drawn for now.",
            "已确认一起涉及您账户的欺诈，为保护您的权益，账户暂停支用。",
        ),
        (
            "fraud-suspected",
            "Recent activity on your account asks for a verification; nothing can be drawn until then.",
            "您的账户近期活动需要核实，核实之前暂停支用。",
        ),
    )
}  # fmt: skip
"""Texts by code; `[texts.<code>]` of a policy goes before."""

KNOWN: Mapping[str, Texts] = {**TEXTS, **ACCOUNT_TEXTS}
"""Every code that an action may give without a text of the policy's own."""


def account_text_of(code: str, own: Mapping[str, Texts]) -> Texts:
    """The policy's own text of a code, else the one here or of `policy.adverse`."""
    found = own.get(code) or ACCOUNT_TEXTS.get(code)
    return text_of(code, own) if found is None else found
