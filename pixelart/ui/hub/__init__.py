"""The Hub on the page: load a model, push a model."""
