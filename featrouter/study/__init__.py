"""Studies over many sets of runs: which features hold, what transfers, where routing pays. The page is data/study.md."""
