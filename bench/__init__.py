"""The benchmark: one job, on one Kafka, by riskwatch and by its peers.

`python -m bench.run` measures; `python -m bench.render` writes docs/benchmarks.md from what it found.
"""
