"""Episodes as rosbags: when, what, whether it is fit to train from, and where it lies."""
