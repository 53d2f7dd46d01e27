from glob import glob

from setuptools import find_packages, setup

setup(
    name='ilw_sim',
    version='0.1.0',
    packages=find_packages(include=['ilw_sim', 'ilw_sim.*']),
    data_files=[
        ('share/ament_index/resource_index/packages', ['resource/ilw_sim']),
        ('share/ilw_sim', ['package.xml']),
        ('share/ilw_sim/config', glob('config/*')),
        ('share/ilw_sim/urdf', glob('urdf/*')),
    ],
    install_requires=['setuptools'],
    zip_safe=True,
    maintainer='ILW maintainers',
    maintainer_email='maintainers@example.org',
    description='A robot without the robot: PyBullet worlds, sensors, tasks, scripted expert.',
    license='Apache-2.0',
    entry_points={
        'console_scripts': [
            'sim_node = ilw_sim.nodes.sim_node:main',
            'expert_node = ilw_sim.nodes.expert_node:main',
        ],
    },
)
