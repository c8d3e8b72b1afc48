"""The benchmark: what routing costs on this machine, beside what one would use instead, in one run."""
