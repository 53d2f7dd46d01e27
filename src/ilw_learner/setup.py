from glob import glob

from setuptools import find_packages, setup

setup(
    name='ilw_learner',
    version='0.1.0',
    packages=find_packages(include=['ilw_learner', 'ilw_learner.*']),
    data_files=[
        ('share/ament_index/resource_index/packages', ['resource/ilw_learner']),
        ('share/ilw_learner', ['package.xml']),
        ('share/ilw_learner/config', glob('config/*')),
        ('share/ilw_learner/urdf', glob('urdf/*')),
    ],
    install_requires=['setuptools'],
    zip_safe=True,
    maintainer='ILW maintainers',
    maintainer_email='maintainers@example.org',
    description='From rosbags to a policy that acts: data sets, training, evaluation.',
    license='Apache-2.0',
    entry_points={
        'console_scripts': [
            'policy_node = ilw_learner.nodes.policy_node:main',
            'trainer_node = ilw_learner.nodes.trainer_node:main',
            'train = ilw_learner.cli:train_main',
            'evaluate = ilw_learner.cli:evaluate_main',
        ],
    },
)
