"""The Hub on the page: a model is loaded, a model is pushed."""
