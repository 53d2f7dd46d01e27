"""
The errors a person can do something about.

A message has three parts: the rule, what was got, what to do next. The command line prints it on
one line and exits with code 2; a node refuses to start. Broken invariants raise ``ValueError``.
"""


class IlwError(Exception):
    """Something the user can put right; the text says how."""

    public = 'cannot be used here.'
    """For whoever asked over the network, after the name asked for: nothing of any file"""


class ContractError(IlwError):
    """A contract file breaks the schema, or two contracts that must agree do not."""

    public = 'was made for another contract, or needs one that is not valid.'


class EpisodeError(IlwError):
    """A folder is not an episode, or its bag cannot be used."""

    public = 'holds no episode that can be used.'


class ContractMisfitError(EpisodeError):
    """A recording is sound, but holds not what the contract names."""

    def __init__(self, what: str, bag: str) -> None:
        """
        Say what does not fit, and how to name or find a contract that does.

        :param bag: the recording, as a person would type it.
        """
        super().__init__(f'{what} Name a contract that fits with --task NAME, or draft one with '
                         f'`./ilw contract draft {bag}`.')


class FeatureMisfitError(ContractMisfitError):
    """An entry of the contract reads what none of the messages that it names has."""

    def __init__(self, what: str) -> None:
        """Say which key of the contract is wrong, and what there is instead."""
        EpisodeError.__init__(self, what)


class CheckpointError(IlwError):
    """A folder is not a checkpoint, or its files are not the ones it was saved with."""

    public = 'is not a checkpoint, or its files are not the ones it was saved with.'


class UntrustedError(CheckpointError):
    """A checkpoint is not signed by one of the keys that may say what drives."""

    public = 'must be signed by a trusted key: it is not, or was changed after it was signed.'


class GraphError(CheckpointError):
    """The network of a checkpoint is none, could do harm, or failed when it was tried."""

    public = ('has a network that must not drive: not plain arithmetic, not finite, too large, '
              'too slow, or it ended its trial.')


class NotAllowedError(IlwError):
    """A request names what is in none of the folders that requests may name."""

    public = 'is nothing that may be asked for here.'


class NotFiniteError(IlwError):
    """A training met NaN or infinity in what it learns from, or in what it learned."""

    public = 'met numbers that are not finite. See what the training printed.'


class BusyError(IlwError):
    """It is not possible now; later it is."""

    public = 'must wait: the node is busy with another, or not configured.'


class NoEnvironmentError(IlwError):
    """There is no environment to drive in: none was named, or what was named cannot be made."""

    public = ('cannot be driven here: the node has no environment to drive in. Start it with its '
              'parameter env, as ilw_sim.env:make_env.')


class StorageError(IlwError):
    """The disk refused: full, read-only or gone."""

    public = 'cannot be used: the disk refused.'
