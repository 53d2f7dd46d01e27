"""A client of Foxglove's WebSocket protocol, as the app is one: ``foxglove.sdk.v1``."""

import asyncio
import json
import struct

import aiohttp

PROTOCOL = 'foxglove.sdk.v1'


class FoxgloveClient:
    """One connection; ``topics`` and ``services`` are what the server offers."""

    def __init__(self, session, socket):
        self._session, self._socket = session, socket
        self.protocol = socket.protocol
        self.topics, self.services, self.parameters, self.info = {}, {}, {}, {}
        self.answers, self.received = {}, {}
        """Topic -> (time [ns], bytes) of each message"""
        self.told, self._subscribed = 0, {}

    @classmethod
    async def connect(cls, port, seconds=60.0):
        session = aiohttp.ClientSession()
        deadline = asyncio.get_running_loop().time() + seconds
        while True:
            try:
                socket = await session.ws_connect(f'http://127.0.0.1:{port}',
                                                  protocols=[PROTOCOL], max_msg_size=0)
                return cls(session, socket)
            except aiohttp.ClientError:
                if asyncio.get_running_loop().time() > deadline:
                    await session.close()
                    raise
                await asyncio.sleep(0.05)

    async def until(self, done, seconds=30.0):
        """Read until something is so."""
        async with asyncio.timeout(seconds):
            while not done(self):
                self._take(await self._socket.receive())

    async def subscribe(self, *topics):
        wanted = []
        for topic in topics:
            number = len(self._subscribed) + 1
            self._subscribed[number] = topic
            self.received[topic] = []
            wanted.append({'id': number, 'channelId': self.topics[topic]['id']})
        await self._socket.send_json({'op': 'subscribe', 'subscriptions': wanted})

    async def unsubscribe_all(self):
        await self._socket.send_json({'op': 'unsubscribe',
                                      'subscriptionIds': list(self._subscribed)})
        self._subscribed.clear()

    async def call(self, service, payload=b'\0\1\0\0'):
        """Call a service; return the CDR of its answer."""
        number = len(self.answers) + 1
        await self._socket.send_bytes(
            struct.pack('<BIII', 2, self.services[service]['id'], number, 3) + b'cdr' + payload)
        await self.until(lambda _: number in self.answers)
        return self.answers[number]

    async def ask(self, **said):
        await self._socket.send_json(said)

    async def close(self):
        await self._socket.close()
        await self._session.close()

    def _take(self, message):
        if message.type is aiohttp.WSMsgType.TEXT:
            self._on_text(json.loads(message.data))
        elif message.type is aiohttp.WSMsgType.BINARY:
            self._on_bytes(message.data)
        else:
            raise ConnectionError(message)

    def _on_text(self, said):
        if said['op'] == 'serverInfo':
            self.info = said
        elif said['op'] == 'advertise':
            self.topics |= {each['topic']: each for each in said['channels']}
        elif said['op'] == 'unadvertise':
            self.topics = {name: each for name, each in self.topics.items()
                           if each['id'] not in said['channelIds']}
        elif said['op'] == 'advertiseServices':
            self.services |= {each['name']: each for each in said['services']}
        elif said['op'] == 'parameterValues':
            self.told += 1
            self.parameters |= {each['name']: each.get('value') for each in said['parameters']}
        elif said['op'] == 'serviceCallFailure':
            self.answers[said['callId']] = said['message']

    def _on_bytes(self, data):
        if data[0] == 1:
            number, stamp_ns = struct.unpack_from('<IQ', data, 1)
            if number in self._subscribed:
                self.received[self._subscribed[number]].append((stamp_ns, data[13:]))
        elif data[0] == 3:
            _, number, length = struct.unpack_from('<III', data, 1)
            self.answers[number] = data[13 + length:]
