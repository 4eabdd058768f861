"""Which runs are wanted, which of them are there undamaged, and who trains the rest?"""
