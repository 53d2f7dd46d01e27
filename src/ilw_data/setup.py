from setuptools import find_packages, setup

setup(
    name='ilw_data',
    version='0.1.0',
    packages=find_packages(include=['ilw_data', 'ilw_data.*']),
    data_files=[
        ('share/ament_index/resource_index/packages', ['resource/ilw_data']),
        ('share/ilw_data', ['package.xml']),
    ],
    install_requires=['setuptools'],
    zip_safe=True,
    maintainer='ILW maintainers',
    maintainer_email='maintainers@example.org',
    description='Recordings and episodes: read, write, check, edit.',
    license='Apache-2.0',
    entry_points={'console_scripts': ['episodes = ilw_data.commands.episodes:episodes_main']},
)
