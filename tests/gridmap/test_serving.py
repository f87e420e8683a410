"""The web process: requests in lasting threads, streams in the event loop. A real database, no HTTP server in between."""

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from typing import Any

import pytest
from asgiref.testing import ApplicationCommunicator
from django.conf import settings
from django.db import connection, connections
from django.http import FileResponse, HttpRequest, HttpResponse, StreamingHttpResponse
from django.test import Client
from django.urls import include, path
from django.utils import translation
from django.utils.translation import gettext_lazy

from boundaries.models import Community
from gridmap.serving import WHOLE, ThreadedHandler
from tests.factories import make_town, make_user, middle

Communicator: Any = ApplicationCommunicator  # it has no types
pytestmark = pytest.mark.django_db(transaction=True)
THREADS = 3
LEFT: list[str] = []
READERS: set[str] = set()


def _thread(_request: HttpRequest) -> HttpResponse:
    time.sleep(0.02)
    Community.objects.count()
    return HttpResponse(threading.current_thread().name)


def _endless(request: HttpRequest) -> StreamingHttpResponse:
    """As a live stream does it: asked in a thread, sent from the event loop."""
    Community.objects.count()
    name = request.GET["name"]

    async def parts() -> AsyncIterator[str]:
        try:
            yield f"hello {name}"
            await asyncio.sleep(60)
        finally:
            LEFT.append(name)

    return StreamingHttpResponse(parts())


def _rows(_request: HttpRequest) -> StreamingHttpResponse:
    def rows() -> Iterator[str]:
        for community in Community.objects.order_by("code").iterator(chunk_size=1):
            READERS.add(threading.current_thread().name)
            yield f"{community.code} {translation.get_language()} {gettext_lazy('grid')};"

    return StreamingHttpResponse(rows())


def _torn(_request: HttpRequest) -> StreamingHttpResponse:
    def rows() -> Iterator[str]:
        yield "one"
        raise LookupError("in the middle of it")

    return StreamingHttpResponse(rows())


def _file(request: HttpRequest) -> FileResponse:
    return FileResponse(BytesIO(b"x" * int(request.GET["size"])), filename="x.txt")


urlpatterns = [
    path("thread/", _thread),
    path("endless/", _endless),
    path("rows/", _rows),
    path("torn/", _torn),
    path("file/", _file),
    path("", include("gridmap.urls")),
]


@pytest.fixture
def served(settings: Any) -> Iterator[ThreadedHandler]:
    """The town's pages and the ones above in three threads."""
    settings.ROOT_URLCONF = __name__
    make_town()
    handler = ThreadedHandler(THREADS)
    yield handler
    _in_each_thread(handler, connections.close_all)
    handler._threads.shutdown()


def _in_each_thread(handler: ThreadedHandler, act: Callable[[], object]) -> None:
    all_here = threading.Barrier(THREADS)

    def one() -> None:
        all_here.wait(10)
        act()

    for each in [handler._threads.submit(one) for _ in range(THREADS)]:
        each.result(10)


class Call:
    """One request to the handler."""

    def __init__(self, handler: ThreadedHandler, address: str, body: bytes = b"", **headers: str) -> None:
        where, _, query = address.partition("?")
        sent = {"host": "127.0.0.1", "accept_language": "en"} | headers
        scope = {
            "type": "http",
            "method": "POST" if body else "GET",
            "path": where,
            "query_string": query.encode(),
            "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in sent.items()],
            "client": ("127.0.0.1", 5),
            "server": ("127.0.0.1", 80),
        }
        self.link = Communicator(handler, scope)
        self.body = body

    async def start(self) -> dict[str, Any]:
        """Send all; the head of the answer."""
        await self.link.send_input({"type": "http.request", "body": self.body})
        head: dict[str, Any] = await self.link.receive_output(10)
        return head

    async def part(self) -> dict[str, Any]:
        """The next part of the answer."""
        found: dict[str, Any] = await self.link.receive_output(10)
        return found

    async def whole(self) -> tuple[int, bytes]:
        """Status and body."""
        head = await self.start()
        text = b""
        while True:
            part = await self.part()
            text += part.get("body", b"")
            if not part.get("more_body"):
                await self.link.wait(10)
                return head["status"], text

    async def leave(self) -> None:
        """Close the line."""
        await self.link.send_input({"type": "http.disconnect"})
        await self.link.wait(10)


def run(work: Coroutine[Any, Any, Any]) -> Any:
    """The work's result, in an event loop of its own: the browser tests leave theirs running in this thread."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


def _backends() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
        return int(cursor.fetchone()[0])


def test_answers_are_those_of_the_pages(served: ThreadedHandler) -> None:
    client, spot = Client(headers={"Accept-Language": "en"}), middle(0, 0)
    client.force_login(make_user("somebody"))
    cookie = f"{settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}"
    locate = f"/api/v1/locate?lon={spot.x}&lat={spot.y}&at=2026-11-01"
    assert run(Call(served, locate).whole()) == (200, client.get(locate).content)
    assert run(Call(served, "/api/v1/me").whole())[0] == 401
    status, text = run(Call(served, "/api/v1/me", cookie=cookie).whole())
    assert (status, json.loads(text)["username"]) == (200, "somebody")
    assert run(Call(served, "/nowhere/").whole())[0] == 404
    places = json.dumps([{"lon": spot.x, "lat": spot.y}] * 3).encode()
    status, text = run(Call(served, "/api/v1/locate", places, content_type="application/json").whole())
    assert (status, len(json.loads(text)["results"])) == (200, 3)


def test_many_requests_share_few_threads_and_connections(served: ThreadedHandler) -> None:
    before = _backends()

    async def crowd() -> list[tuple[int, bytes]]:
        return await asyncio.gather(*(Call(served, "/thread/").whole() for _ in range(20)))

    answers = run(crowd())
    assert {status for status, _ in answers} == {200}
    assert len({name for _, name in answers}) == THREADS
    assert _backends() == before + THREADS


def test_a_restarted_database_is_met_by_no_error(served: ThreadedHandler) -> None:
    async def crowd() -> set[int]:
        return {
            status
            for status, _ in await asyncio.gather(*(Call(served, "/thread/").whole() for _ in range(6)))
        }

    assert run(crowd()) == {200}
    with connection.cursor() as cursor:
        cursor.execute("SET ROLE NONE")
        cursor.execute(
            "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        assert cursor.fetchone()[0] >= THREADS
        cursor.execute("SET ROLE gridmap_app")
    assert run(crowd()) == {200}


def test_live_streams_hold_no_thread_and_end_with_their_reader(served: ThreadedHandler) -> None:
    LEFT.clear()
    spot = middle(0, 0)

    async def many() -> None:
        streams = [Call(served, f"/endless/?name={number}") for number in range(4 * THREADS)]
        for number, stream in enumerate(streams):
            assert (await stream.start())["status"] == 200
            assert (await stream.part())["body"] == f"hello {number}".encode()
        status, _text = await Call(served, f"/api/v1/locate?lon={spot.x}&lat={spot.y}").whole()
        assert status == 200
        assert LEFT == []
        for stream in streams[:5]:
            await stream.leave()
        assert sorted(LEFT) == ["0", "1", "2", "3", "4"]
        for stream in streams[5:]:
            await stream.leave()

    run(many())
    assert len(LEFT) == 4 * THREADS


def test_rows_stream_in_the_readers_language_from_one_thread(served: ThreadedHandler) -> None:
    READERS.clear()
    before = _backends()

    async def read() -> list[str]:
        call = Call(served, "/rows/", accept_language="zh-CN")
        assert (await call.start())["status"] == 200
        parts = []
        while (part := await call.part()).get("more_body"):
            parts.append(part["body"].decode())
        await call.link.wait(10)
        return parts

    parts = run(read())
    assert [part.split()[1] for part in parts] == ["zh-hans"] * 3
    assert len(READERS) == 1
    assert not READERS.pop().startswith("web"), "a download does not keep others waiting"
    assert _backends() <= before + 1, "the stream's own connection is closed, the thread's is kept"


def test_a_stream_that_fails_is_cut_off(served: ThreadedHandler) -> None:
    async def read() -> None:
        call = Call(served, "/torn/")
        assert (await call.start())["status"] == 200
        assert (await call.part())["body"] == b"one"
        with pytest.raises(LookupError):
            await call.link.wait(10)

    run(read())


@pytest.mark.parametrize("size", [0, 10, WHOLE, WHOLE + 1])
def test_files_arrive_whole(served: ThreadedHandler, size: int) -> None:
    async def read() -> tuple[dict[str, Any], int, int]:
        call = Call(served, f"/file/?size={size}")
        head, parts, length = await call.start(), 0, 0
        while True:
            part = await call.part()
            parts, length = parts + 1, length + len(part.get("body", b""))
            if not part.get("more_body"):
                await call.link.wait(10)
                return head, parts, length

    head, _parts, length = run(read())
    headers = {name.decode().lower(): value.decode() for name, value in head["headers"]}
    assert length == size
    assert headers["content-type"] == "text/plain"
    assert "x.txt" in headers["content-disposition"]


def test_only_http(served: ThreadedHandler) -> None:
    async def ask() -> None:
        with pytest.raises(ValueError, match="websocket"):
            await Communicator(served, {"type": "websocket"}).wait(10)

    run(ask())
