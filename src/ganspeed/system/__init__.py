"""How do we deal with this machine: atomic writes, processes, devices, signals, reproducible arithmetic?"""
