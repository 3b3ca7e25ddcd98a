"""Work that several processes share through a folder: large sets of drawn pictures, and evaluations."""
