"""Numbers become advice: what misleads is named with its fix, what is harmless is not."""

import pytest

from ilw_learner.why.ablation import SuccessLost
from ilw_learner.why.findings import findings, misleading
from ilw_learner.why.occlusion import Effect
from ilw_learner.why.recorded.copycat import CopycatTest
from ilw_learner.why.recorded.dependence import Dependence
from ilw_learner.why.recorded.traits import InputTraits
from ilw_learner.why.report import InputUse

COPYCAT = CopycatTest(100, 0.9, 0.8, 0.95, 0.5, {})
HONEST = {'follows_last_action': 0.2, 'follows_time': 0.1, 'varies_within': 0.8}


def use(name='speed', share=0.4, **other):
    one = Effect(name, 'mean', 0.1, {}, ())
    return InputUse(one, one, one, share, InputTraits(**HONEST | other))


def told(*uses, depends=(), lost=()):
    return findings(uses, COPYCAT, depends, lost)


@pytest.mark.parametrize(('trait', 'value', 'word'), [
    ('follows_last_action', 0.7, 'last action'), ('follows_time', 0.7, 'clock'),
    ('varies_within', 0.02, 'stays as it is')])
def test_an_input_of_the_shape_of_a_confounder_is_named_with_its_fix(trait, value, word):
    (found,) = told(use(**{trait: value}), use('goal', 0.6))
    assert found.level == 'bad' and found.input == 'speed' and word in found.text
    assert found.fix.endswith('./ilw train --without speed')
    assert misleading((found,)) == ('speed',)
    (less,) = told(use(share=0.24, **{trait: value}))
    assert less.level == 'warn'


@pytest.mark.parametrize('share', [0.05, 0.0999])
def test_one_that_hardly_moves_the_action_is_no_finding(share):
    (found,) = told(use(share=share, follows_last_action=1.0))
    assert found.level == 'ok' and misleading((found,)) == ()


def test_the_expert_asked_by_do_decides_either_way():
    looks = Dependence('speed', 0.5, 0.5, (0.4, 0.6), (), done=0.2)
    (found,) = told(use(follows_last_action=1.0), depends=(looks,))
    assert found.level == 'ok', 'the expert looks at it, too'
    ignores = Dependence('speed', 0.5, 0.5, (0.4, 0.6), (), done=0.0)
    (found,) = told(use(), depends=(ignores,))
    assert 'expert does nothing else' in found.text and found.input == 'speed'


def test_an_input_that_the_expert_looks_at_and_the_policy_does_not_is_named():
    looks = Dependence('goal', 0.5, 0.5, (0.4, 0.6), (), done=0.2)
    (found,) = told(use('goal', 0.01), depends=(looks,))
    assert found.level == 'bad' and 'does not look at goal' in found.text
    assert misleading((found,)) == () and 'more episodes' in found.fix


def test_who_drives_better_without_an_input_is_told_to_leave_it_out():
    worse = SuccessLost('speed', 'blank', 50, 20, 45, -0.5, (-0.7, -0.3))
    (found,) = told(use(share=0.01), lost=(worse,))
    assert '45 of 50 arrive, 20 with it' in found.text and misleading((found,)) == ('speed',)
    unsure = SuccessLost('speed', 'blank', 50, 20, 22, -0.04, (-0.2, 0.1))
    assert told(use(share=0.01), lost=(unsure,))[0].level == 'ok'


def test_the_worst_comes_first():
    found = told(use('clock', 0.15, follows_time=1.0), use(share=0.5, follows_last_action=1.0))
    assert [each.level for each in found] == ['bad', 'warn']
