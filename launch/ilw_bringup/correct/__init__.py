"""Rounds of corrections: a policy drives, a person takes over, the policy learns."""
