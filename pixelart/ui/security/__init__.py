"""The safety of a public server: allowed requests, visitors' identity, and memory limits."""
