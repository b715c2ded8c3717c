"""Reconciliation: the broker is the truth for fills, positions and cash, and the record follows.

A difference counts only once it has stood still over a while, because a broker may disagree with
itself for some seconds; a report that fails is no report of nothing. What is corrected is an entry
of the log that says what stood, what stands instead, and why.
"""
