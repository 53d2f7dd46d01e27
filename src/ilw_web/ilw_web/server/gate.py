"""Who may come in: by token, ``Origin`` and ``Host``; and what the page may load."""

from collections.abc import Mapping
import hmac

from ilw_web.server.reach import Reach

PROTOCOL = 'ilw.cockpit.1'
"""Subprotocol of the socket; the token is offered beside it"""
HEADERS = {
    'Content-Security-Policy': "default-src 'none'; script-src 'self'; style-src 'self'; "
                               "img-src 'self' blob: data:; connect-src 'self'; frame-src 'self'; "
                               "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    'X-Content-Type-Options': 'nosniff', 'Referrer-Policy': 'no-referrer',
    'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Resource-Policy': 'same-origin',
    'Cache-Control': 'no-cache'}
"""Of every answer"""


class Gate:
    """
    Knows who may come in.

    :param reach: what the server is called.
    :param token: what a viewer must show; URL-safe.
    """

    def __init__(self, reach: Reach, token: str) -> None:
        self._hosts = {f'{name}:{reach.port}' for name in reach.names}
        self._scheme = f'{reach.scheme}://'
        self._token = token

    def why_not_page(self, headers: Mapping[str, str]) -> str:
        """Return why a request is refused, a sentence; empty when it is not."""
        # A name that somebody else's DNS leads here would make their page ours.
        if headers.get('Host', '') not in self._hosts:
            return 'This is another host. Use the link that ./ilw cockpit printed.'
        return ''

    def why_not_socket(self, headers: Mapping[str, str]) -> str:
        """Return why a socket is refused, a sentence; empty when it is not."""
        if why := self.why_not_page(headers):
            return why
        if headers.get('Origin', '') not in {self._scheme + host for host in self._hosts}:
            return 'The socket is for the page of this server only.'
        offered = [each.strip() for each in headers.get('Sec-WebSocket-Protocol', '').split(',')]
        shown = next((each for each in offered if each != PROTOCOL), '')
        if PROTOCOL not in offered or not hmac.compare_digest(
                shown.encode(), self._token.encode()):
            return 'The token is missing or wrong. Use the link that ./ilw cockpit printed.'
        return ''
