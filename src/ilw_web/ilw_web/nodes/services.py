"""Call the services of arbiter, recorder and policy for the page."""

import asyncio
from collections.abc import Awaitable, Mapping
from concurrent.futures import Future
from typing import Any

from rclpy.node import Node
from std_srvs.srv import Trigger

from ilw_core.errors import IlwError
from ilw_msgs.srv import DiscardEpisode, LoadPolicy, StartEpisode, StopEpisode

SWITCHES = ('estop', 'reset', 'arm', 'disarm')
OUTCOMES = {'success': StopEpisode.Request.OUTCOME_SUCCESS,
            'failure': StopEpisode.Request.OUTCOME_FAILURE,
            'unknown': StopEpisode.Request.OUTCOME_UNKNOWN}
LONGEST_S = 10.0
"""The recorder closes a bag before it answers"""


class Services:
    """The clients of one node; called in any thread."""

    def __init__(self, node: Node) -> None:
        self._clients = {name: node.create_client(Trigger, f'arbiter/{name}')
                         for name in SWITCHES}
        self._clients |= {
            'start': node.create_client(StartEpisode, 'record/start'),
            'save': node.create_client(StopEpisode, 'record/stop'),
            'discard': node.create_client(DiscardEpisode, 'record/discard'),
            'load': node.create_client(LoadPolicy, 'policy/load')}

    def call(self, name: str, values: Mapping[str, str]) -> Awaitable[tuple[bool, str]]:
        """
        Call a service; returns whether it did it, and what it says.

        :raises KeyError: there is no service of this name.
        :raises IlwError: nobody offers it, or it does not answer.
        """
        client = self._clients[name]
        if not client.service_is_ready():
            raise IlwError(f'{client.service_name} is not there. Is the bring-up running?')
        answered: Future[Any] = Future()
        asked = client.call_async(_request(name, values))
        asked.add_done_callback(lambda done: answered.set_result(done.result()))
        return _words(client.service_name, answered)


async def _words(service: str, answered: 'Future[Any]') -> tuple[bool, str]:
    try:
        async with asyncio.timeout(LONGEST_S):
            answer = await asyncio.wrap_future(answered)
    except TimeoutError as error:
        raise IlwError(f'{service} did not answer within {LONGEST_S:.0f} s.') from error
    if isinstance(answer, Trigger.Response):
        return answer.success, answer.message
    done = answer.error_code == 0
    return done, answer.error_msg or next(
        (getattr(answer, each) for each in ('path', 'episode', 'checkpoint_hash')
         if getattr(answer, each, '')), '')


def _request(name: str, values: Mapping[str, str]) -> Any:
    if name == 'start':
        return StartEpisode.Request(operator_name=values.get('operator', '')[:200],
                                    notes=values.get('notes', '')[:2000])
    if name == 'save':
        outcome = values.get('outcome', 'unknown')
        if outcome not in OUTCOMES:
            raise IlwError(f'The outcome must be one of {", ".join(OUTCOMES)}.')
        return StopEpisode.Request(outcome=OUTCOMES[outcome], stop_reason='operator')
    if name == 'load':
        return LoadPolicy.Request(checkpoint=values.get('checkpoint', '')[:2000])
    return DiscardEpisode.Request(reason='cockpit') if name == 'discard' else Trigger.Request()
