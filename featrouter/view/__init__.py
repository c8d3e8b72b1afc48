"""A run, replayed: turn by turn what the agent did, what a router made of it, and what another value would have changed."""
