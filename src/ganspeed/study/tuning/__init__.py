"""Which hyperparameters does every method get, on an equal budget?"""
