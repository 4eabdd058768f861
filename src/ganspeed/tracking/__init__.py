"""What do a terminal and MLflow show?"""
