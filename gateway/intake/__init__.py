"""The doors' own room: strict reading of what callers send, exact orders, callers' keys."""
