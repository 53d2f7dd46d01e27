"""Commands of the learner beside train and eval."""
