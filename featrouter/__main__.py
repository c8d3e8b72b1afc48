"""`python -m featrouter` is `featrouter`."""

from featrouter.cli import main

main(prog_name="featrouter")
