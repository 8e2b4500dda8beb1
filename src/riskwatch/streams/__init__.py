"""The contract: events, outputs, journal entries, topics, codecs, dead letters, and the client that publishes."""
