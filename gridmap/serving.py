"""Django behind an ASGI server with each request whole in one thread (docs/decisions/0008-serving.md).

The event loop reads a request, one of a few lasting threads with a lasting database connection of its own answers it, the
event loop writes the answer. Whatever flows for long (files, exports, live streams) flows from the event loop and
holds none of those threads.
"""

import asyncio
import gc
import select
from collections.abc import AsyncIterable, Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from typing import IO, Any, Final

import django
from asgiref.sync import ThreadSensitiveContext, sync_to_async
from django.conf import settings
from django.core import signals
from django.core.exceptions import RequestAborted
from django.core.handlers.asgi import ASGIHandler, get_script_prefix
from django.db import connections
from django.http import FileResponse, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import get_resolver, set_script_prefix

WHOLE: Final = 1024 * 1024
"""Files of at most this many bytes are read and sent at once."""

Message = Mapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


def threaded_application() -> "ThreadedHandler":
    """Set Django up and load every page; with as many threads as the settings say."""
    django.setup(set_prefix=False)
    handler = ThreadedHandler(settings.WEB_THREADS)
    get_resolver().url_patterns  # noqa: B018  # reads the modules of all pages, or else the first visitor would wait for it
    # What was loaded lives for good: the collector need not walk through it again and again.
    gc.collect()
    gc.freeze()
    return handler


class ThreadedHandler(ASGIHandler):
    """Answers up to `threads` requests at a time; more wait in line."""

    def __init__(self, threads: int) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="web")
        super().__init__()

    def load_middleware(self, is_async: bool = False) -> None:
        """Load the synchronous chain, which asks no event loop between two links."""
        super().load_middleware(is_async=False)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            raise ValueError(f"Only HTTP is answered here, not {scope['type']}.")
        try:
            body = await self.read_body(receive)
        except RequestAborted:
            return
        loop, context = asyncio.get_running_loop(), copy_context()
        try:
            response = await loop.run_in_executor(self._threads, context.run, self._answer, scope, body)
            if response.streaming:
                # in the context of the request: the reader's language
                await loop.create_task(self._stream(response, receive, send), context=context)
            else:
                await self.send_response(response, send)
        finally:
            body.close()

    def _answer(self, scope: Message, body: IO[bytes]) -> HttpResponseBase:
        """Work out the answer; it is closed already unless it streams."""
        _drop_dead_connections()
        set_script_prefix(get_script_prefix(scope))
        signals.request_started.send(sender=type(self), scope=scope)
        request, refused = self.create_request(scope, body)
        response: Any = refused if request is None else self.get_response(request)
        response._handler_class = type(self)  # as Django's own handlers do
        if isinstance(response, FileResponse):
            response.block_size = self.chunk_size
            if int(response.headers.get("Content-Length", WHOLE + 1)) <= WHOLE:
                response = _read(response)
        if not response.streaming:
            response.close()
        answer: HttpResponseBase = response
        return answer

    async def _stream(self, response: Any, receive: Receive, send: Send) -> None:
        """Send part after part until the end or until nobody listens; plain iterators run in one thread of their own."""
        async with ThreadSensitiveContext():
            sending = asyncio.create_task(self._send_parts(response, send))
            leaving = asyncio.create_task(self.listen_for_disconnect(receive))
            try:
                await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                leaving.cancel()
                if not sending.done():
                    sending.cancel()
                with suppress(asyncio.CancelledError, RequestAborted):
                    await leaving
                try:
                    with suppress(asyncio.CancelledError):
                        await sending
                finally:
                    await sync_to_async(_end)(response)

    async def _send_parts(self, response: Any, send: Send) -> None:
        if not response.is_async:
            response.streaming_content = _in_a_thread(response.streaming_content)
        await self.send_response(response, send)


async def _in_a_thread(parts: Any) -> AsyncIterable[bytes]:
    """A plain iterator part by part beside the event loop; left to itself Django would read it to its end first."""
    iterator = iter(parts)

    def further() -> bytes | None:
        return next(iterator, None)

    further_beside = sync_to_async(further)
    while (part := await further_beside()) is not None:
        yield part


def _read(response: FileResponse) -> HttpResponse:
    """The file as a plain answer."""
    whole = HttpResponse(b"".join(response), status=response.status_code)
    whole.headers, whole.cookies = response.headers, response.cookies
    response.close()
    return whole


def _end(response: HttpResponseBase) -> None:
    """Close the answer, then the connections of its thread, which ends with it."""
    response.close()
    connections.close_all()


def _drop_dead_connections() -> None:
    """Close connections that the database has ended: a line on which something waits unasked is looked at.

    Costs no query, so that it can be done for each request; a restarted database is met by no error.
    """
    for connection in connections.all(initialized_only=True):
        line = connection.connection
        if (
            line is not None
            and (line.closed or _something_waits(line.fileno()))
            and not connection.is_usable()
        ):
            connection.close()


def _something_waits(handle: int) -> bool:
    poll = select.poll()
    poll.register(handle, select.POLLIN)
    return bool(poll.poll(0))
