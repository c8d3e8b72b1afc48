"""Pages that stand alone: charts as SVG, and the shell around them. What a stranger wrote is escaped wherever it enters."""
