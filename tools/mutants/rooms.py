"""The rooms whose decisions matter most: their files, and the unit tests that stand for them."""

from dataclasses import dataclass, field

_TELEOP, _CORE = 'src/ilw_teleop/ilw_teleop', 'src/ilw_core/ilw_core'
_LEARNER, _SIM = 'src/ilw_learner/ilw_learner', 'src/ilw_sim/ilw_sim'


@dataclass(frozen=True)
class Room:
    """Files that decide one thing."""

    files: tuple[str, ...]
    tests: tuple[str, ...]
    """Below ``test/``, those that fail soonest first"""
    environment: dict[str, str] = field(default_factory=dict)


def _files(folder: str, *names: str) -> tuple[str, ...]:
    return tuple(f'{folder}/{name}.py' for name in names)


def _tests(folder: str, *names: str) -> tuple[str, ...]:
    return tuple(f'test/{folder}/test_{name}.py' for name in names)


ROOMS = {
    'arbiter': Room(
        _files(f'{_TELEOP}/arbiter', 'arbiter', 'request', 'loop'),
        _tests('unit/teleop', 'arbiter_times', 'arbiter', 'arbiter_loop', 'robot_profile')),
    'guards': Room(
        _files(f'{_TELEOP}/guards', 'forward_stop', 'swept_way', 'survey', 'braking'),
        _tests('unit/teleop', 'braking_as_stepped', 'swept_way_as_walked', 'survey_beam_by_beam',
               'workspace_as_walked', 'speeds_as_stepped', 'when_a_robot_is_blind',
               'guards_by_geometry', 'braking', 'forward_stop',
               'scans_without_evidence')),
    'limits': Room(
        _files(_CORE, 'limits'),
        _tests('unit/core', 'limits_by_hand') + _tests('unit/sim', 'limits')),
    'resampler': Room(
        _files(_CORE, 'align'),
        _tests('unit/core', 'align') + _tests('unit/learner', 'policy_loop')),
    'contract': Room(
        _files(f'{_CORE}/contract', 'file', 'action', 'command_topic', 'end_rules', 'observed',
               'safety', 'schema', 'stick'),
        _tests('unit/core', 'contract_changes', 'contract', 'commands_of_a_contract',
               'end_rules')),
    'store': Room(
        _files(f'{_TELEOP}/recording', 'episode_store', 'salvage', 'ledger'),
        _tests('unit/teleop', 'store_on_failing_disks', 'recorder_core')),
    'gate': Room(
        _files(f'{_TELEOP}/recording', 'gate', 'stream_watch'),
        _tests('unit/teleop', 'streams_that_change', 'recording_gate')),
    'checkpoint': Room(
        _files(f'{_LEARNER}/checkpoint', 'folder', 'signing', 'deployed'),
        _tests('unit/learner', 'checkpoint_bytes', 'signing', 'deployed',
               'checkpoint_and_runner')),
    'update': Room(
        _files(_LEARNER, 'algorithms/q_learning/q_values', 'algorithms/bc',
               'algorithms/cloned_policy', 'networks/averaged_adam',
               'algorithms/q_learning/q_learner', 'algorithms/dqn'),
        _tests('unit/learner', 'updates_by_hand', 'replay_buffer')),
    'kernel': Room(
        (*_files(_SIM, 'batch/kernel'), *_files(_LEARNER, 'networks/fused_kernels')),
        _tests('unit/sim', 'kernel_by_hand') + _tests('unit/learner', 'fused_kernels'),
        {'NUMBA_DISABLE_JIT': '1'}),
}
