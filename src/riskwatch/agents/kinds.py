"""Kinds of entries by what the fold does with them, as tables of all 256: bool[256]."""

from __future__ import annotations

import numpy as np

from riskwatch.agents.casework import CASEWORK_KINDS
from riskwatch.agents.judging import ANSWERS
from riskwatch.features.account import ACCOUNT_KINDS
from riskwatch.streams.entry import Kind

BROADCAST = 128
CUTS = np.zeros(256, dtype=np.bool_)
CUTS[[Kind.TICK, Kind.POLICY_PUBLISHED]] = True
"""Kinds at which a batch is cut into parts."""
OPENED = np.zeros(256, dtype=np.bool_)
OPENED[[*ACCOUNT_KINDS, Kind.FRAUD_CONFIRMED, Kind.FRAUD_CLEARED, Kind.MODEL_PROMOTED]] = True
OPENED[[*ANSWERS, *CASEWORK_KINDS]] = True
"""Kinds that the fold opens one by one; all others move as columns only."""
OPENED_AND_DECIDED = OPENED.copy()
OPENED_AND_DECIDED[Kind.LOAN_APPLIED] = True
"""Applications too, where somebody decides them or asks about them."""
