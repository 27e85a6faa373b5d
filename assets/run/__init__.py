"""The shell: snapshots, runs, publication. Everything here has effects."""
