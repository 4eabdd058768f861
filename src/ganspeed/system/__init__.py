"""How do we deal with this machine: files written whole, processes, devices, signals, the same bytes again?"""
