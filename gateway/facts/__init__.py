"""The PIP: what the policy is told about an order, one small file per source."""
