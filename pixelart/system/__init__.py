"""The machine and the process: cores, memory, proxies, streams, addresses. Imports nothing heavy."""
