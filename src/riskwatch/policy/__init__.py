"""Policies: named rules in a small, safe condition language, judged over the columns of a batch."""
