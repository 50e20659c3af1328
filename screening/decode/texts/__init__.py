"""Decode documents into their texts, and into the pictures that are embedded in them."""
