"""The command line: it talks HTTP or reads published files, never a running gateway's database."""
