"""Servers on loopback that speak the real protocols, with faults on demand and a log of every request."""
