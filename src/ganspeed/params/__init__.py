"""What may params.yaml say, and which commands edit it?"""
