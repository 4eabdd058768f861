"""What was fixed before a study, and what may it be called?"""
