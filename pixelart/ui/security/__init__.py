"""What keeps a public server safe: which requests are answered, who asks, how much is held in memory."""
