"""The parts of a fingerprint: functions, classes, modules and constants, and how they refer to each other."""
