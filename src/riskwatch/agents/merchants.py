"""The merchants of one batch's loans: what their profiles are told, and what rules read of their answers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from riskwatch.agents.asking import answer_columns
from riskwatch.features.account import Account
from riskwatch.features.merchantmessages import MerchantAnswer, MerchantTold, decode_merchant_answer
from riskwatch.features.merchants import late_enough
from riskwatch.features.timers import Overdue
from riskwatch.policy.columns import MERCHANT_COLUMNS
from riskwatch.streams.entry import Kind
from riskwatch.streams.events import LoanOpened
from riskwatch.streams.packing import split_key


class Merchants:
    """Told in journal order. `messages`: two for each fact, one to the merchant's profile and one to that of all
    merchants. `wanted`: whether anybody listens."""

    def __init__(self, *, wanted: bool) -> None:
        self._wanted = wanted
        self._answers: list[tuple[int, MerchantAnswer]] = []
        self.messages: list[MerchantTold] = []

    def opened(self, account: Account, event: LoanOpened, event_hash: int, key: bytes, at_ms: int) -> None:
        """A loan was opened, the account has taken it in."""
        loan = account.loans.get(event.loan_id)
        if loan is not None and loan.merchant_id:
            self._tell(key, loan.merchant_id, event_hash, at_ms, None)

    def late(self, account: Account, found: Iterable[Overdue], key: bytes) -> None:
        """Instalments have reached steps of days past due."""
        for each in found:
            loan = account.loans.get(each.loan_id)
            if each.kind != Kind.INSTALMENT_OVERDUE or loan is None or not loan.merchant_id:
                continue
            if late_enough(each.dpd, first_instalment=each.first_instalment):
                self._tell(key, loan.merchant_id, each.event_hash, loan.opened_ms, each.reached_ms)

    def _tell(self, key: bytes, merchant_id: str, event: int, opened_ms: int, late_ms: int | None) -> None:
        if not self._wanted:
            return
        tenant, _ = split_key(key)
        self.messages += [
            MerchantTold(
                tenant=tenant,
                merchant_id=merchant_id,
                customer_key=key,
                event=event,
                opened_ms=opened_ms,
                late_ms=late_ms,
                together=together,
            )
            for together in (False, True)
        ]

    def answered(self, place: int, payload: bytes) -> None:
        """An answer is the entry at a place of the part. Raises `msgspec.MsgspecError` where it is none."""
        self._answers.append((place, decode_merchant_answer(payload)))

    def take_answers(self) -> list[tuple[int, MerchantAnswer]]:
        """Place and answer of each in this part of the batch, for the rules."""
        answers, self._answers = self._answers, []
        return answers


_READERS = {name: read for name, (read, _) in MERCHANT_COLUMNS.items()}


def merchant_columns(answers: Sequence[tuple[int, MerchantAnswer]], count: int) -> dict[str, NDArray[np.float64]]:
    """`asking.answer_columns` of what the profiles of merchants answered."""
    return answer_columns(answers, _READERS, count)


def merchant_subjects(answers: Sequence[tuple[int, MerchantAnswer]]) -> dict[int, str]:
    """What an alert at the place of an answer is about."""
    return {place: f"merchant {answer.merchant_id}" for place, answer in answers}
