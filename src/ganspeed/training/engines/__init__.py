"""In which way is the same mathematics of a run computed?"""
