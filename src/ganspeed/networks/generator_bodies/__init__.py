"""What can a generator be made of? One body, one file."""
