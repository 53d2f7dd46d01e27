from setuptools import find_packages, setup

setup(
    name='ilw_sysid',
    version='0.1.0',
    packages=find_packages(include=['ilw_sysid', 'ilw_sysid.*']),
    data_files=[
        ('share/ament_index/resource_index/packages', ['resource/ilw_sysid']),
        ('share/ilw_sysid', ['package.xml']),
    ],
    install_requires=['setuptools'],
    zip_safe=True,
    maintainer='ILW maintainers',
    maintainer_email='maintainers@example.org',
    description='System identification from recordings, and the gap to simulation.',
    license='Apache-2.0',
)
