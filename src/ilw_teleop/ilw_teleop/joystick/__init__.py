"""A person's hand: gamepads, their layouts, and what is asked for with them."""
