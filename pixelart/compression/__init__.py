"""Lossless compression of pictures by a model's own probabilities, and back."""
