"""From a bag of driving to the plant that drove: the numbers, and how well they are known."""
