"""How long a demo is said to take: what there is more of takes longer, and nothing else does."""

from dataclasses import replace

import pytest

from ilw_bringup.forecast import Forecast, forecast, slowness, spoken
from ilw_core.contract.file import named_contract
from ilw_core.storage.locate import config_file
from ilw_learner.training.config import load_config


def said(task='lift_state', episodes=60, episodes_eval=20, slower=1.0, config='bc', **values):
    _, found = load_config(config_file('train', config), task)
    return forecast(named_contract(task), replace(found, **values), episodes, episodes_eval,
                    slower)


def test_a_stage_takes_longer_with_more_of_what_it_does_and_no_other_does():
    usual = said()
    more = {'record_s': said(episodes=120), 'train_s': said(updates=60_000),
            'eval_s': said(episodes_eval=40)}
    for name, other in more.items():
        longer = {each for each in vars(usual) if getattr(other, each) > getattr(usual, each)}
        assert longer == {name}
    assert said(eval_episodes=300).train_s > usual.train_s


def test_pictures_make_every_stage_longer_and_bring_one_more():
    numbers, pictures = said('lift_state'), said('lift', updates=6000)
    assert numbers.looks_s == 0.0 and 'pictures' not in numbers.line(0.0, 2)
    assert pictures.looks_s > 0.0 and 'without its pictures' in pictures.line(0.0, 2)
    assert all(getattr(pictures, name) > each for name, each in vars(numbers).items())


def test_twice_as_slow_a_machine_takes_twice_as_long():
    assert said(slower=2.0).total_s == pytest.approx(2 * said().total_s, rel=0.01)
    assert slowness() > 0.0


def test_the_whole_is_the_sum_of_the_stages_and_all_are_told():
    told = Forecast(record_s=40.0, train_s=130.0, eval_s=99.0, looks_s=31.0)
    assert told.total_s == 300.0
    alone = ('About 5 min on this machine when it does nothing else: record 40 s, train 2 min, '
             'evaluate 99 s, without its pictures 31 s.')
    assert told.line(1.0, 2) == alone
    assert told.line(3.04, 2) == f'{alone} It is busy now (load 3.0): longer.'
    assert spoken(100.0) == '2 min'


@pytest.mark.parametrize(('task', 'config', 'count'), [
    ('lift_state', 'bc', 60), ('pick_place_state', 'bc', 120), ('lift', 'bc', 120),
    ('pick_place_state', 'bc_quick', 25), ('lift', 'bc_quick', 40)])
def test_the_training_says_how_many_demonstrations_a_task_takes(task, config, count):
    assert load_config(config_file('train', config), task)[1].demonstrations == count
