"""What two stages or more share; nothing here imports a stage."""
