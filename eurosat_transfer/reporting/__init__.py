"""Pictures and pages that show the results to people."""
