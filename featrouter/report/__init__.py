"""A bundle and what it is worth on some logs, as one page for people who would rather look than read."""
