"""Metrics: pure functions of a log and a definition, one file for a family, one result for each.

Nothing is imported here: who asks for one metric should not wait for the others to load.
"""
