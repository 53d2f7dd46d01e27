"""What the page talks to: one socket per viewer, one seat, and what keeps both bounded."""
