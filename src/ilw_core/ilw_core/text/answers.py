"""What a stranger is told about an error: a code and one line, and nothing of any file."""

from collections.abc import Mapping

from ilw_core.contract.schema import shown
from ilw_core.errors import IlwError

FAILED = 'failed for a reason that the output of the node tells.'


def answer_of(error: type[BaseException], asked: str, codes: Mapping[type[IlwError], int],
              other: int) -> tuple[int, str]:
    """
    Return the code and the line that answer a request.

    The error's own text stays here: it may quote the file that it is about.

    :param error: the class of what went wrong.
    :param asked: the name in the request; the line repeats it, printable and shortened.
    :param codes: class of error -> code; the nearest class counts.
    :param other: the code of every other error.
    """
    code = next((codes[kind] for kind in error.__mro__ if kind in codes), other)
    public = error.public if issubclass(error, IlwError) else FAILED
    return code, f'{shown(asked)} {public}'
