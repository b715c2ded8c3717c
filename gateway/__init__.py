"""The gateway: from an order at a door to a fill at a broker, decided, signed and recorded."""
