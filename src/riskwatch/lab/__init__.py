"""Simulation, replay of data sets, the demo, and the brokers that tests and demos run on."""
