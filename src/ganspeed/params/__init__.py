"""What may params.yaml say, and who edits it?"""
