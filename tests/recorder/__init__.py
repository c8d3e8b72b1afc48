"""Records sample runs: a scripted agent works through real commands on small packages with seeded bugs."""

#: Python and pytest word their tracebacks and reports differently from version to version; these made data/recorded.
RECORDED_WITH = {"python": "3.11", "pytest": "9"}
