"""What recordings alone tell: who follows whom, and what of it cannot be told apart."""
