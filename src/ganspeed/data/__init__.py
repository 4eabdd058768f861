"""How do pictures become arrays that are checked at every load?"""
