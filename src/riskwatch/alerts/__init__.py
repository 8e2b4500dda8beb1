"""Alerts: what fired becomes something that somebody should look at, once per cooldown, with its reasons."""
