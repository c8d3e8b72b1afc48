"""Hosts that featrouter plugs into, a file each, imported only by who runs that host (README.md beside this file)."""
