"""How is one run trained, logged, saved and resumed?"""
