"""The signed log: its formats, its proofs, and their verification.

Imports the standard library and cryptography only, so that an auditor needs nothing else;
`signing.trust`, what officers sign, stands on the TUF library too.
"""
