"""
The two documents of DDS security that say who may do what, written and read.

Structure and values as in the OMG DDS Security specification 1.1, 9.4.1, and as SROS 2 sets them:
whoever is not authenticated stays out, everything is encrypted, what is not allowed is denied.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
import xml.etree.ElementTree as ET

from ilw_bringup.security.dds_names import Topics
from ilw_core.errors import IlwError
from ilw_core.storage.files import read_bytes

_MAX_BYTES = 1_000_000
_SCHEMA = 'http://www.omg.org/spec/DDS-SECURITY/20170901/omg_shared_ca_{}.xsd'
_XSI = 'http://www.w3.org/2001/XMLSchema-instance'
_DOMAIN_RULE = {'allow_unauthenticated_participants': 'false',
                'enable_join_access_control': 'true',
                'discovery_protection_kind': 'ENCRYPT', 'liveliness_protection_kind': 'ENCRYPT',
                'rtps_protection_kind': 'SIGN'}
_TOPIC_RULE = {'topic_expression': '*', 'enable_discovery_protection': 'true',
               'enable_liveliness_protection': 'true', 'enable_read_access_control': 'true',
               'enable_write_access_control': 'true', 'metadata_protection_kind': 'ENCRYPT',
               'data_protection_kind': 'ENCRYPT'}


@dataclass(frozen=True)
class Permissions:
    """What one enclave may do."""

    enclave: str
    domain_id: int
    topics: Topics
    begin: datetime
    end: datetime
    """UTC, as ``begin``"""


def governance_xml(domain_id: int) -> bytes:
    """Return the document that says how a domain is protected."""
    root = _root('governance')
    rule = ET.SubElement(ET.SubElement(root, 'domain_access_rules'), 'domain_rule')
    _domain(rule, domain_id)
    for name, value in _DOMAIN_RULE.items():
        ET.SubElement(rule, name).text = value
    topic = ET.SubElement(ET.SubElement(rule, 'topic_access_rules'), 'topic_rule')
    for name, value in _TOPIC_RULE.items():
        ET.SubElement(topic, name).text = value
    return _text(root)


def permissions_xml(permissions: Permissions) -> bytes:
    """Return the document that says what an enclave may do; all else is denied."""
    root = _root('permissions')
    grant = ET.SubElement(ET.SubElement(root, 'permissions'), 'grant', name=permissions.enclave)
    ET.SubElement(grant, 'subject_name').text = f'CN={permissions.enclave}'
    validity = ET.SubElement(grant, 'validity')
    ET.SubElement(validity, 'not_before').text = f'{permissions.begin:%Y-%m-%dT%H:%M:%S}'
    ET.SubElement(validity, 'not_after').text = f'{permissions.end:%Y-%m-%dT%H:%M:%S}'
    allow = ET.SubElement(grant, 'allow_rule')
    _domain(allow, permissions.domain_id)
    for kind in ('publish', 'subscribe'):
        topics = ET.SubElement(ET.SubElement(allow, kind), 'topics')
        for name in sorted(getattr(permissions.topics, kind)):
            ET.SubElement(topics, 'topic').text = name
    ET.SubElement(grant, 'default').text = 'DENY'
    return _text(root)


def read_permissions(path: Path) -> Permissions:
    """
    Read a ``permissions.xml`` of this module.

    :raises IlwError: it cannot be read, or is not of this structure.
    """
    try:
        root = _parsed(path)
        return Permissions(
            _of(root, 'permissions/grant/subject_name').removeprefix('CN='),
            int(_of(root, 'permissions/grant/allow_rule/domains/id')),
            Topics(*(frozenset(e.text or '' for e in root.iterfind(
                f'permissions/grant/allow_rule/{kind}/topics/topic'))
                for kind in ('publish', 'subscribe'))),
            *(datetime.fromisoformat(_of(root, f'permissions/grant/validity/{end}'))
              for end in ('not_before', 'not_after')))
    except (OSError, ET.ParseError, ValueError) as error:
        raise IlwError(f'{path} must hold the permissions of an enclave. Got: {error}. Write it '
                       f'anew: ./ilw security init --add.') from error


def governed_domain(path: Path) -> int:
    """
    Return the domain of a ``governance.xml``.

    :raises IlwError: it cannot be read, or names none.
    """
    try:
        return int(_of(_parsed(path), 'domain_access_rules/domain_rule/domains/id'))
    except (OSError, ET.ParseError, ValueError) as error:
        raise IlwError(f'{path} must say how a domain is protected. Got: {error}. Make another '
                       f'keystore: ./ilw security init.') from error


def _parsed(path: Path) -> ET.Element:
    content = read_bytes(path, _MAX_BYTES)
    if b'<!DOCTYPE' in content or b'<!ENTITY' in content:
        raise ValueError('it declares entities')
    return ET.fromstring(content)


def _of(root: ET.Element, path: str) -> str:
    text = root.findtext(path)
    if not text:
        raise ValueError(f'no {path}')
    return text


def _root(kind: str) -> ET.Element:
    return ET.Element('dds', {f'{{{_XSI}}}noNamespaceSchemaLocation': _SCHEMA.format(kind)})


def _domain(parent: ET.Element, domain_id: int) -> None:
    ET.SubElement(ET.SubElement(parent, 'domains'), 'id').text = str(domain_id)


def _text(root: ET.Element) -> bytes:
    ET.register_namespace('xsi', _XSI)
    ET.indent(root)
    return ET.tostring(root, encoding='utf-8', xml_declaration=True) + b'\n'
