"""Pure values and rules: what an order, a fact, a decision and the book are; no input or output."""
