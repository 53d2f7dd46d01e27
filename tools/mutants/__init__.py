"""Small bugs put into a copy of the tree, to see which of them the unit tests see."""
