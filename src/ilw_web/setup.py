from setuptools import find_packages, setup

setup(
    name='ilw_web',
    version='0.1.0',
    packages=find_packages(include=['ilw_web', 'ilw_web.*']),
    package_data={'ilw_web': ['page/*']},
    data_files=[
        ('share/ament_index/resource_index/packages', ['resource/ilw_web']),
        ('share/ilw_web', ['package.xml']),
    ],
    install_requires=['setuptools'],
    zip_safe=False,
    maintainer='ILW maintainers',
    maintainer_email='maintainers@example.org',
    description='The cockpit: a page in the browser to drive, record and look after the robot.',
    license='Apache-2.0',
    entry_points={
        'console_scripts': [
            'cockpit_node = ilw_web.nodes.cockpit_node:main',
            'foxglove_node = ilw_web.nodes.foxglove_node:main',
        ],
    },
)
