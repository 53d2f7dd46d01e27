"""From one task to the next: what holds a policy to what it knows, and how much it forgets."""
