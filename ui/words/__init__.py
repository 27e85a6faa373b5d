"""What people read of runs and data, in the same words on the command line and in the app. Pure."""
