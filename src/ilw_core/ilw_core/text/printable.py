"""
Text that came from a file or the network, made fit to be shown to a person and to be pasted.

A name may hold escape sequences that rewrite a terminal, characters that turn the direction of a
line or show nothing, and shell text. Nothing of that is acted on: it is shown.
"""

import os
import shlex


def printable(text: object, keep: str = '') -> str:
    r"""
    Return a text in which every character that shows nothing of its own is written as its code.

    :param keep: characters to leave as they are, as ``\n`` where lines are meant.
    """
    return ''.join(each if each.isprintable() or each in keep else _code(each)
                   for each in str(text))


def pasteable(*words: object) -> str:
    """Return words of a command line, quoted for a shell; what shows nothing, as its code."""
    return ' '.join(_quoted(str(word)) for word in words)


def _quoted(word: str) -> str:
    if word.isprintable():
        return shlex.quote(word)
    plain = set(range(0x20, 0x7f)) - set(b"\\'")
    return "$'" + ''.join(chr(byte) if byte in plain else f'\\{byte:03o}'
                          for byte in os.fsencode(word)) + "'"


def _code(character: str) -> str:
    """Return a code that JSON, too, takes for the character."""
    if character == '\n':
        return '\\n'
    number = ord(character)
    return f'\\u{number:04x}' if number < 0x10000 else f'\\U{number:08x}'
