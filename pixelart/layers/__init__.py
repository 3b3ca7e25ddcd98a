"""Parts that the models are made of."""
