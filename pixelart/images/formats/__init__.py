"""Picture files, taken apart before a decoder sees them: what pixels are made of is kept, the rest is dropped."""
