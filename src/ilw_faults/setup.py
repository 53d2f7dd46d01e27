from setuptools import find_packages, setup

setup(
    name='ilw_faults',
    version='0.1.0',
    packages=find_packages(include=['ilw_faults', 'ilw_faults.*']),
    data_files=[
        ('share/ament_index/resource_index/packages', ['resource/ilw_faults']),
        ('share/ilw_faults', ['package.xml']),
    ],
    install_requires=['setuptools'],
    zip_safe=True,
    maintainer='ILW maintainers',
    maintainer_email='maintainers@example.org',
    description='Faults, injected into running nodes. No robot needs it.',
    license='Apache-2.0',
)
