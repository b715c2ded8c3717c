"""The policy engine beside the gateway: OPA as a server, strictly spoken to."""
