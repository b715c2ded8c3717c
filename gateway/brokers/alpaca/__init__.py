"""Alpaca's trading API over plain HTTP: paper and live."""
