"""The demonstration: real prices, a rule, a rogue, a director, and the same gateway as ever."""
