"""Make a node of the product as its process would, for the tests over DDS."""

from rclpy.node import Node


def start_node(ros, monkeypatch, kind, **parameters):
    """Make a node with parameters from the command line."""
    arguments = ['--ros-args']
    for name, value in {'use_sim_time': True, **parameters}.items():
        text = str(value).lower() if isinstance(value, bool) else str(value)
        arguments += ['-p', f'{name}:={text}']
    return start_with(ros, monkeypatch, kind, arguments)


def start_with(ros, monkeypatch, kind, arguments):
    """Make a node with a command line, as a bring-up writes it."""
    init = Node.__init__
    monkeypatch.setattr(Node, '__init__', lambda self, name, **more: init(
        self, name, cli_args=arguments, **more))
    try:
        return ros.add(kind())
    finally:
        monkeypatch.setattr(Node, '__init__', init)
