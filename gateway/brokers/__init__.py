"""The gate and what lies behind it: the contract of a broker, the registry, and the adapters."""
