"""Data sets as samples; knows no model."""
