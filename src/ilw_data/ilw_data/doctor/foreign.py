"""Which topics of a recording cannot be read, where nobody asked for them: named, left alone."""

from ilw_core.contract.file import Contract
from ilw_data.bag.reader import Bag
from ilw_data.doctor.finding import Finding, Take

_MAX_NAMES = 5


def check_take(take: Take, bag: Bag, contract: Contract) -> list[Finding]:
    """Return the topics that the contract does not name and that are not read here."""
    foreign = bag.unreadable(set(bag.types) - set(contract.topics))
    if not foreign:
        return []
    said = '; '.join(f'{topic} ({why})' for topic, why in list(foreign.items())[:_MAX_NAMES])
    more = f'; and {len(foreign) - _MAX_NAMES} more' if len(foreign) > _MAX_NAMES else ''
    return [Finding('note', 'foreign', take.name, f'left alone, neither read here nor '
                    f'needed by the contract: {said}{more}.',
                    take.command('show'), {'topics': len(foreign)})]
