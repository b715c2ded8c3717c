"""The parts of `signing.verify`: a published log is read once, and every step sees each entry."""
