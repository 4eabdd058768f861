"""What are G and D made of?"""
