"""An arm that is not perfect: late, by other gains, noisy; what it is made of is another's."""
