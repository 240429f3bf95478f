"""Widgets that know data, not experiments."""
