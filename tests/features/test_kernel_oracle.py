"""The stream's features equal an independent slow recomputation of the same journal, bit for bit."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
from feature_oracle import Oracle
from hypothesis import given, settings
from hypothesis import strategies as st
from journals import LAYOUT, fold, journals
from random_journal import checksum, random_journal


def assert_same_bits(matrix: np.ndarray, expected: list[dict[str, float] | None]) -> None:
    for place, (line, values) in enumerate(zip(matrix.tolist(), expected, strict=True)):
        for name, got in zip(LAYOUT.names, line, strict=True):
            want = float("nan") if values is None else values[name]
            same = (got != got and want != want) or struct.pack("d", got) == struct.pack("d", want)
            assert same, f"entry {place}, {name}: the kernel says {got!r}, the oracle {want!r}"


@settings(max_examples=100, deadline=None)
@given(made=journals(), cuts=st.lists(st.integers(0, 30), max_size=3))
def test_features_equal_the_oracle_for_any_split_into_batches(made, cuts):
    entries, row_of = made
    outcomes, expected, late = Oracle().fold(row_of, entries, np.arange(len(entries)))
    _, matrix, got_outcomes, got_late = fold(entries, row_of=row_of, cuts=tuple(cuts))
    assert got_outcomes.tolist() == outcomes
    assert got_late.tolist() == late
    assert_same_bits(matrix, expected)


def test_features_equal_the_oracle_over_long_lives():
    for seed in range(3):
        entries, row_of = random_journal(seed, 300, customers=1)
        _, expected, _ = Oracle().fold(row_of, entries, np.arange(len(entries)))
        _, matrix, _, _ = fold(entries, row_of=row_of, cuts=(7, 8, 300))
        assert_same_bits(matrix, expected)


def test_uncompiled_loops_give_the_same_bits_as_compiled():
    there = Path(__file__).parent
    program = "import random_journal; print(random_journal.checksum(11, 200))"
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1", "PYTHONPATH": str(there)}
    ran = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=120, check=True
    )
    assert int(ran.stdout) == checksum(11, 200)
