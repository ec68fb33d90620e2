"""Runs artifacts and switches configurations; no torch."""
