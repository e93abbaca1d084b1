"""What the report stage is made of: charts, words, templates."""
