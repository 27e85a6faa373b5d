"""Why an asset would run or would not: now, at an earlier time, and in the time to come. Writes nothing."""
