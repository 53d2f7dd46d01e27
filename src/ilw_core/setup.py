from glob import glob

from setuptools import find_packages, setup

setup(
    name='ilw_core',
    version='0.1.0',
    packages=find_packages(include=['ilw_*']),
    data_files=[
        ('share/ament_index/resource_index/packages', ['resource/ilw_core']),
        ('share/ilw_core', ['package.xml']),
        ('share/ilw_core/config', glob('config/*')),
        ('share/ilw_core/urdf', glob('urdf/*')),
    ],
    install_requires=['setuptools'],
    zip_safe=True,
    maintainer='ILW maintainers',
    maintainer_email='maintainers@example.org',
    description='What every part of ILW shares: the contract, observations, actions, episodes; '
                'and the shared ROS code.',
    license='Apache-2.0',
    entry_points={
        'console_scripts': [
        ],
    },
)
