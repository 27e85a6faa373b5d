"""Planning partitions: what news and time concern comes on the agenda as ranges, and is planned portion by portion."""
