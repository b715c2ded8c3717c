"""The paper simulator: a broker with a durable book of its own, matched on recorded quotes."""
