"""Training: reads pictures and a config, trains a model, writes checkpoints."""
