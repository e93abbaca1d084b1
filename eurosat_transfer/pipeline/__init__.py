"""What makes a program a stage: its start, locks, shared outputs, checksums."""
