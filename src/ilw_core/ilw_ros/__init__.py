"""The ROS code that every node shares: parameters, QoS, main, conversion, diagnostics."""
