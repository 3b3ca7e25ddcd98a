"""Training pictures: read from folders and archives, checked, stored, encoded and drawn in batches."""
