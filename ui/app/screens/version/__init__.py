"""The parts of the screen of lineage."""
