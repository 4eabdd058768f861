"""What is a snapshot worth?"""
