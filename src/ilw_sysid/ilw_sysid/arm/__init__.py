"""How an arm answers its commands, from a recording of it."""
