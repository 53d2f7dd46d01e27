"""From messages to numbers, and whether they can be what they say."""
