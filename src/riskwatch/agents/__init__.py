"""Faust agents: transport, tables, ingest, monitor, learner, and the composition root."""
