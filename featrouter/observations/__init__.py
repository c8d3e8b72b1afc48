"""What a call's answer says: its text out of an envelope, the results of tests, errors. No state, no operations."""
