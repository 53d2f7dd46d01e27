"""DDS security (SROS 2): who may do what on the graph, the keys that prove it, is it enforced."""
