"""Pictures to train on: read from folders and archives, surveyed, stored, encoded and drawn in batches."""
