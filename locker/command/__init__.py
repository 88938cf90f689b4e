"""
The command line, one file for each group of commands; ``locker/__main__.py`` puts them together.
"""
