"""What happened after sending: updates from brokers, cancels, and outcomes in doubt."""
