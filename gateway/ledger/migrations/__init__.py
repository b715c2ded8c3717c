"""The schema's history: alembic runs `env.py`, the revisions are in `versions`."""
