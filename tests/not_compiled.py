"""Variables of programs that a test starts from a copy of the code, whose kernels no cache has."""

NOT_COMPILED = {"NUMBA_DISABLE_JIT": "1"}
"""Runs the kernels in plain Python: on tiny models that takes a second, to compile them takes 15."""
