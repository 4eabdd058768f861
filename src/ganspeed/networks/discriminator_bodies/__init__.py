"""What can a discriminator be made of? One body, one file."""
