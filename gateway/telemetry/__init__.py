"""What is measured and told: metrics, and alerts over channels. Nothing here decides anything."""
