"""What a message type has at a path, and what is said where a contract reads something else."""

import math
import re
from types import SimpleNamespace as Plain

import pytest
import yaml

from ilw_core.contract.field_path import FieldKind, kind_of, reader_of
from ilw_core.contract.file import parse_contract
from ilw_core.features.misfit import field_misfit

NUMBER = FieldKind('number')
FIELDS = {'a/msg/A': {'x': NUMBER, 'list': FieldKind('number', 0), 'three': FieldKind('number', 3),
                      'name': FieldKind('text'), 'names': FieldKind('text', 0),
                      'b': FieldKind('a/msg/B'), 'bs': FieldKind('a/msg/B', 0)},
          'a/msg/B': {'y': NUMBER, 'list': FieldKind('number', 0)}}


@pytest.mark.parametrize(('path', 'kind'), [
    ('x', NUMBER), ('list[7]', NUMBER), ('three[2]', NUMBER), ('b.y', NUMBER), ('bs[9].y', NUMBER),
    ('three', FieldKind('number', 3)), ('bs[0].list', FieldKind('number', 0)),
    ('names[0]', FieldKind('text')), ('b', FieldKind('a/msg/B'))])
def test_the_kind_at_a_path_follows_from_the_type(path, kind):
    assert kind_of(path, 'a/msg/A', FIELDS.__getitem__) == kind


@pytest.mark.parametrize(('path', 'said'), [
    ('q', r'a/msg/A has b, bs, list, name, names, three, x'), ('b.q', 'b has list, y'),
    ('three[3]', 'three has 3 elements, from 0'), ('x[0]', 'x is one number, no sequence'),
    ('bs.y', r'bs is a sequence of a/msg/B messages: name one, as bs\[0\]\.y'),
    ('x.y', 'x is one number'), ('bs[0].q', r'bs\[0\] has list, y')])
def test_where_a_path_leaves_its_type_is_said(path, said):
    with pytest.raises(LookupError, match=said):
        kind_of(path, 'a/msg/A', FIELDS.__getitem__)


def contract_of(**options):
    return parse_contract(yaml.safe_dump({
        'contract': 'any', 'version': 1, 'rate_hz': 10,
        'observation': {'it': {'topic': 'it', 'type': 'a/msg/A', **options}},
        'action': {'command': {'topic': 'cmd_vel', 'type': 'geometry_msgs/msg/TwistStamped'},
                   'fields': [{'name': 'twist.linear.x', 'unit': 'm/s', 'min': -1.0, 'max': 1.0,
                               'max_rate': 1.0}], 'on_stale': 'stop'}}))


@pytest.mark.parametrize(('options', 'said'), [
    ({'field': 'q'}, r'observation\.it\.field: field reads q, which no a/msg/A \(it\) has: a/msg'
     r'/A has b, .*\. Correct field, or the type of it\.'),
    ({'field': 'name'}, r'reads name as one number, but in a/msg/A \(it\) it is one text\. A t'),
    ({'field': 'b'}, 'it is a a/msg/B message'),
    ({'field': 'list'}, r'it is a sequence of numbers\. Give length, or name .* list\[0\]'),
    ({'field': 'x', 'length': 2}, r'it is one number\. Leave out length'),
    ({'field': 'three', 'length': 2}, r'as 2 numbers, .* it is 3 numbers\. Set length to 3'),
    ({'feature': 'joints', 'joints': ['a']}, r'it\.joints: joints reads name, which no a/msg')])
def test_a_feature_that_does_not_fit_its_type_names_key_and_remedy(options, said):
    options = {'feature': 'field', **options}
    options |= {'range': [0, 1]} if options['feature'] == 'field' else {}
    fields = {**FIELDS, 'a/msg/A': {k: v for k, v in FIELDS['a/msg/A'].items() if not (
        options['feature'] == 'joints' and k == 'name')}}
    found = field_misfit(contract_of(**options), lambda _: fields.__getitem__)
    assert found.startswith('contract any: observation.it.')
    assert re.search(said, found), found


def test_a_field_that_fits_is_no_misfit():
    for options in ({'field': 'three', 'length': 3}, {'field': 'list', 'length': 9},
                    {'field': 'three', 'length': 1, 'first': 2}, {'field': 'bs[3].y'}):
        contract = contract_of(feature='field', range=[0, 1], **options)
        assert field_misfit(contract, lambda _: FIELDS.__getitem__) == ''


def test_a_place_in_a_sequence_that_is_too_short_reads_as_missing():
    assert reader_of('a[1].b')(Plain(a=[0, Plain(b=3)])) == 3
    assert math.isnan(reader_of('a[1].b')(Plain(a=[])))
    with pytest.raises(AttributeError):
        reader_of('a[0].b')(Plain(a=[1]))
