from setuptools import find_packages, setup

setup(
    name='ilw_emulator',
    version='0.1.0',
    packages=find_packages(include=['ilw_emulator', 'ilw_emulator.*']),
    data_files=[
        ('share/ament_index/resource_index/packages', ['resource/ilw_emulator']),
        ('share/ilw_emulator', ['package.xml']),
    ],
    install_requires=['setuptools'],
    zip_safe=True,
    maintainer='ILW maintainers',
    maintainer_email='maintainers@example.org',
    description="A stand-in for a physical robot, behind the robot's own interface.",
    license='Apache-2.0',
    entry_points={
        'console_scripts': [
            'emulator_node = ilw_emulator.nodes.emulator_node:main',
        ],
    },
)
