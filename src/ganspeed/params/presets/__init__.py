"""Which studies are ready to be put into params.yaml?"""
