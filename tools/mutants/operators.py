"""Which one-line bugs there are: cosmic-ray's operators, and some of our own."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
import random

from cosmic_ray.ast import ast_nodes
from cosmic_ray.mutating import mutate_code
from cosmic_ray.operators import (
    binary_operator_replacement,
    boolean_replacer,
    break_continue,
    comparison_operator_replacement,
    exception_replacer,
    number_replacer,
    unary_operator_replacement,
    zero_iteration_for_loop,
)
from cosmic_ray.operators.operator import Operator
import parso

# Of each operator those that a person mixes it up with: all pairs would be mostly crashes.
_PAIRS = {
    'ReplaceBinaryOperator': 'Add_Sub Sub_Add Mul_Div Div_Mul FloorDiv_Mul Mod_Mul Pow_Mul '
                             'BitAnd_BitOr BitOr_BitAnd',
    'ReplaceComparisonOperator': 'Eq_NotEq NotEq_Eq Lt_LtE Lt_Gt LtE_Lt LtE_GtE Gt_GtE Gt_Lt '
                                 'GtE_Gt GtE_LtE Is_IsNot IsNot_Is',
    'ReplaceUnaryOperator': 'USub_UAdd UAdd_USub Delete_Not Delete_Invert',
}


class ChangeNumber(number_replacer.NumberReplacer):
    """Adds or takes 1 where people count, as indices; doubles or halves what is measured."""

    def mutate(self, node, index):
        """Put another number in its place."""
        value = eval(node.value, {}, {})
        if isinstance(value, complex) or (abs(value) <= 16 and value == int(value)):
            return super().mutate(node, index)
        half = value // 2 if isinstance(value, int) else value / 2
        changed = value * 2 if index == 0 else half
        return parso.python.tree.Number(f' {changed!r}', node.start_pos)


class DropCall(Operator):
    """Leaves out a statement that is nothing but a call, as a forgotten ``fsync``."""

    def mutation_positions(self, node):
        """Yield where such a statement is."""
        if _is_call_statement(node):
            yield node.start_pos, node.end_pos

    def mutate(self, node, index):
        """Put ``pass`` in its place."""
        first = node.get_first_leaf()
        return parso.python.tree.Name('pass', node.start_pos, prefix=first.prefix)

    @classmethod
    def examples(cls):
        """Return none: they are cosmic-ray's own tests."""
        return ()


class DropKeyword(Operator):
    """Leaves out a keyword argument of a call, so that its default counts."""

    def mutation_positions(self, node):
        """Yield where there is one."""
        if node.type == 'argument' and node.children[1] == '=':
            yield node.start_pos, node.end_pos

    def mutate(self, node, index):
        """Put an empty ``**{}`` in its place."""
        return parso.python.tree.Name('**{}', node.start_pos,
                                      prefix=node.get_first_leaf().prefix)

    @classmethod
    def examples(cls):
        """Return none: they are cosmic-ray's own tests."""
        return ()


@dataclass(frozen=True)
class Place:
    """Where in a file which bug can be put."""

    path: str
    """Relative to the tree's root"""
    line: int
    operator: Operator
    occurrence: int


@dataclass(frozen=True)
class Mutant:
    """One bug in one file."""

    place: Place
    code: str
    """The whole file with the bug in it"""
    before: str
    after: str
    """The line without it and with it"""

    def __str__(self) -> str:
        return (f'{self.place.path}:{self.place.line} {type(self.place.operator).__name__}\n'
                f'    - {self.before}\n    + {self.after}')


def places(path: str, source: str) -> list[Place]:
    """Return every bug that the operators know for a file."""
    tree = parso.parse(source)
    skipped, nodes = _lines_without_decisions(tree), list(ast_nodes(tree))
    found = []
    for operator in _operators():
        at = ((node, line) for node in nodes
              for (line, _), _ in operator.mutation_positions(node))
        found += [Place(path, line, operator, occurrence)
                  for occurrence, (node, line) in enumerate(at)
                  if line not in skipped and not _decides_nothing(node)]
    return found


def mutant(place: Place, source: str) -> Mutant:
    """Return the file with the bug in it."""
    code = mutate_code(source, place.operator, place.occurrence)
    old, new = source.splitlines(), code.splitlines()
    first = next((i for i, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), 0)
    return Mutant(place, code, old[first].strip(), new[first].strip())


def sample(known: list[Place], count: int, rng: random.Random) -> list[Place]:
    """Return so many of them: lines first, so that a long formula does not fill the sample."""
    by_line: dict[tuple[str, int], list[Place]] = {}
    for place in known:
        by_line.setdefault((place.path, place.line), []).append(place)
    lines = [by_line[key] for key in sorted(by_line)]
    rng.shuffle(lines)
    for line in lines:
        rng.shuffle(line)
    turns = (line[turn] for turn in range(max(map(len, lines), default=0))
             for line in lines if turn < len(line))
    return list(islice(turns, count))


def _operators() -> Iterator[Operator]:
    modules = (binary_operator_replacement, comparison_operator_replacement,
               unary_operator_replacement)
    for module in modules:
        for operator in module.operators():
            family, _, pair = operator.__name__.partition('_')
            if pair in _PAIRS[family].split():
                yield operator()
    for kind in (boolean_replacer.AddNot, boolean_replacer.ReplaceTrueWithFalse,
                 boolean_replacer.ReplaceFalseWithTrue, boolean_replacer.ReplaceAndWithOr,
                 boolean_replacer.ReplaceOrWithAnd, break_continue.ReplaceBreakWithContinue,
                 break_continue.ReplaceContinueWithBreak, exception_replacer.ExceptionReplacer,
                 ChangeNumber, zero_iteration_for_loop.ZeroIterationForLoop,
                 DropCall, DropKeyword):
        yield kind()


def _lines_without_decisions(tree) -> set[int]:
    """Return lines of decorators, imports and signatures: bugs there end at import or nowhere."""
    lines: set[int] = set()
    for node in ast_nodes(tree):
        annotation = node.annotation if node.type == 'funcdef' else None
        if node.type in ('decorator', 'import_name', 'import_from'):
            annotation = node
        if annotation is not None:
            lines.update(range(annotation.start_pos[0], annotation.end_pos[0] + 1))
    return lines


def _decides_nothing(node) -> bool:
    """
    Tell whether this is part of an annotation, a star in a signature or an argument list, or the
    default of a hyper-parameter: any value is a choice there, and ``config/train`` makes it.
    """
    if node.type == 'operator' and node.parent.type in ('parameters', 'param', 'argument',
                                                        'star_expr', 'testlist_star_expr'):
        return True
    in_function = False
    while node.parent is not None:
        above = node.parent
        in_function |= above.type == 'funcdef'
        if above.type in ('tfpdef', 'annassign') and node is above.children[
                2 if above.type == 'tfpdef' else 1]:
            return True
        if above.type == 'classdef' and above.name.value.endswith('Config') and not in_function:
            return True
        node = above
    return False


def _is_call_statement(node) -> bool:
    if node.type != 'atom_expr' or node.parent is None or node.parent.type != 'simple_stmt':
        return False
    last = node.children[-1]
    return last.type == 'trailer' and last.children[0] == '('
