"""The faults that can be injected, by what they strike. ``FAULTS`` of each is what it adds."""
