"""Logs that no machine holds at once: cut into partitions by run, each extracted by itself, all kept in one folder.

The turns of a run meet in one partition. Files that hold whole runs are partitions as they are; of the others only the
rows of runs that lie in several files are moved. What is written is whole or not there, so that work goes on where it ended.
"""
