"""Why a policy acts as it does: which inputs, which causes, and what to do about it."""
