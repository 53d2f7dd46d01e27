"""Policies that give chunks of actions: their values, the code of an action, the network."""
