"""Which studies are ready to be applied to params.yaml?"""
