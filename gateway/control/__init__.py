"""The state that decisions are made under: mode, Ω4, halts and their triggers, the market clock."""
