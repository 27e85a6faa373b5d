"""The vocabulary: datasets, assets, conditions, timetables, policies, definitions. Pure values."""
