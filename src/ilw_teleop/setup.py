from glob import glob

from setuptools import find_packages, setup

setup(
    name='ilw_teleop',
    version='0.1.0',
    packages=find_packages(include=['ilw_teleop', 'ilw_teleop.*']),
    data_files=[
        ('share/ament_index/resource_index/packages', ['resource/ilw_teleop']),
        ('share/ilw_teleop', ['package.xml']),
        ('share/ilw_teleop/config', glob('config/*')),
        ('share/ilw_teleop/urdf', glob('urdf/*')),
    ],
    install_requires=['setuptools'],
    zip_safe=True,
    maintainer='ILW maintainers',
    maintainer_email='maintainers@example.org',
    description='From a hand on a joystick to a rosbag, and the last gate before the robot.',
    license='Apache-2.0',
    entry_points={
        'console_scripts': [
            'joy_node = ilw_teleop.nodes.person.joy_node:main',
            'keyboard_node = ilw_teleop.nodes.person.keyboard_node:main',
            'teleop_node = ilw_teleop.nodes.person.teleop_node:main',
            'arbiter_node = ilw_teleop.nodes.arbiter.arbiter_node:main',
            'status_node = ilw_teleop.nodes.person.status_node:main',
            'recorder_node = ilw_teleop.nodes.recorder.recorder_node:main',
        ],
    },
)
