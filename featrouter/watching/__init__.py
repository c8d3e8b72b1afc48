"""A run, watched while it is being written: what the router says after each turn, as soon as the turn is complete."""
