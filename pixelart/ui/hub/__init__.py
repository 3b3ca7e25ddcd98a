"""Load a model from the Hub, and push a model to it."""
