"""How a job starts and is watched: its flags, the Dataflow service, logs, progress, counters and the watchdog."""
