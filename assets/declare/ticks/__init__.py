"""What timetables are made of: cron expressions, wall-clock times, clocks of zones, days left out, what is due."""
