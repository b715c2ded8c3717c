"""The broker of RESEARCH: it holds an account and takes no order."""
