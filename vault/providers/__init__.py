"""The places that keep secrets, one module each."""
