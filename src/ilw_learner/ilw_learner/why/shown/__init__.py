"""What was found out, for people: lines for a terminal, and one page."""
