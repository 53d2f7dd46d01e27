"""Corrections: a policy drives, a person takes over, and what that teaches is learned."""
