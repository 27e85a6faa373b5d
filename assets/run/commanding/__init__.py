"""What people ask for in the app, carried out: by schedulers, each command once."""
