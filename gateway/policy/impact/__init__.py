"""What a candidate release would have changed in past decisions."""
