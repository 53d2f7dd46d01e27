from glob import glob

from setuptools import find_packages, setup

setup(
    name='ilw_bringup',
    version='0.1.0',
    packages=find_packages(include=['ilw_bringup', 'ilw_bringup.*']),
    data_files=[
        ('share/ament_index/resource_index/packages', ['resource/ilw_bringup']),
        ('share/ilw_bringup', ['package.xml']),
        ('share/ilw_bringup/launch', glob('*.launch.py')),
        *((f'share/ilw_bringup/{folder}', glob(f'{folder}/*.*'))
          for folder in ('rviz', 'config/foxglove', 'config/tasks', 'config/joysticks',
                         'config/robots', 'config/plants', 'config/emulators',
                         'config/emulated_arms', 'config/maps', 'config/train', 'config/sweep',
                         'config/dds', 'config/examples/beside_nav2')),
    ],
    install_requires=['setuptools'],
    zip_safe=True,
    maintainer='ILW maintainers',
    maintainer_email='maintainers@example.org',
    description='Bring-ups, launch files and the ilw command line.',
    license='Apache-2.0',
    entry_points={
        'console_scripts': [
            'ilw = ilw_bringup.cli:main',
            'arm_emulator_node = ilw_bringup.nodes.arm_emulator_node:main',
        ],
    },
)
