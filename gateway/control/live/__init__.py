"""LIVE: what it needs, the five steps that lead to it, and how it closes by itself."""
