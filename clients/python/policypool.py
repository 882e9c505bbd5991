"""policypool - clients and servers of ppool-proxy in Python, sync and asyncio: see policypool-python(3).

    with policypool.connect("2100") as proxy:
        print(proxy.call("111", "hello").text)

    policypool.serve(lambda request: request.text.upper(), id="500", policy="333", proxies="2100")

Nothing here waits without a deadline, no answer is given to another request, and each failure is an Error
of its own type.  The standard library alone, Python 3.9 or newer."""
from __future__ import annotations

import asyncio
import base64
import collections
import contextlib
import functools
import hashlib
import heapq
import hmac
import inspect
import ipaddress
import json
import logging
import os
import queue
import random
import re
import secrets
import select
import signal
import socket
import ssl
import stat
import threading
import time
from typing import (Any, AsyncIterable, AsyncIterator, Awaitable, Callable, Deque, Dict, Iterable, Iterator, List,
                    Mapping, NamedTuple, Optional, Sequence, Set, Tuple, Type, Union)

__all__ = ["connect", "connect_async", "Client", "AsyncClient", "Reply", "serve", "Server", "Request", "server_key",
           "registration_mac", "acknowledgement_mac", "proxies_mac", "Error", "Unreachable", "ConnectionLost",
           "ProtocolError", "ReplyCut", "ReplyTimeout", "Refused", "BadJson", "BadMessage", "BadPayload", "TooLarge",
           "UnknownPolicy", "NoServer", "Overloaded", "UpstreamTimeout", "UpstreamFailed", "Denied", "ShuttingDown",
           "HandlerFailed", "HandlerTimeout"]

Payload = Union[str, bytes]
Packet = Dict[str, Any]
Proxies = Union[int, str, Sequence[Union[int, str]]]

_log = logging.getLogger("policypool")

# ---- failures ----


class Error(Exception):
    """Any failure.  code is the proxy's word, None where it did not answer; retryafter milliseconds, or None;
    may_have_run is False only where the request surely was not run."""
    code: Optional[str] = None
    may_have_run = True

    def __init__(self, message: str = "", *, retryafter: Optional[int] = None, code: Optional[str] = None,
                 may_have_run: Optional[bool] = None) -> None:
        super().__init__(message)
        self.message, self.retryafter = message, retryafter
        if code is not None:
            self.code = code
        if may_have_run is not None:
            self.may_have_run = may_have_run

    def __str__(self) -> str:
        return f"{self.code}: {self.message}" if self.code else self.message


class Unreachable(Error):
    """No proxy could be connected to, or none kept a connection; the request was not sent."""
    may_have_run = False


class ConnectionLost(Error):
    """The connection ended before the answer, and the request may not be sent again."""


class ProtocolError(Error):
    """What came is no answer to the request; its connection is closed."""


class ReplyCut(ProtocolError, ConnectionLost):
    """The connection ended within an answer."""


class ReplyTimeout(Error, TimeoutError):
    """No answer within the call's timeout."""


class Refused(Error):
    """The answer is an error, of a code that has no type of its own."""


class BadJson(Refused):
    code, may_have_run = "bad-json", False


class BadMessage(Refused):
    code, may_have_run = "bad-message", False


class BadPayload(Refused):
    code, may_have_run = "bad-payload", False


class TooLarge(Refused):
    """Also where the packet is over the client's own max_message, and was not sent."""
    code, may_have_run = "too-large", False


class UnknownPolicy(Refused):
    code, may_have_run = "unknown-policy", False


class NoServer(Refused):
    code, may_have_run = "no-server", False


class Overloaded(Refused):
    code, may_have_run = "overloaded", False


class UpstreamTimeout(Refused):
    code = "timeout"


class UpstreamFailed(Refused):
    code = "upstream-failed"


class Denied(Refused):
    code, may_have_run = "denied", False


class ShuttingDown(Refused):
    """Only where sending the request again elsewhere did not help either."""
    code, may_have_run = "shutting-down", False


class HandlerFailed(Refused):
    """Raised by a handler of serve(), it is the client's answer."""
    code = "handler-failed"


class HandlerTimeout(Refused):
    code = "handler-timeout"


_TYPES: Dict[str, Type[Refused]] = {str(t.code): t for t in Refused.__subclasses__()}

# ---- packets ----

_DEPTH, _ID_MAX, _MAX_MESSAGE = 16, 64, 64 << 20
_OUTPUT = 256 << 10  # bytes of output that are enough for now
_quote: Callable[[str], str] = json.encoder.encode_basestring  # type: ignore[attr-defined]
_NOT_BLANK, _MARK = re.compile(rb"[^ \t\r\n]"), re.compile(rb'["{}\[\]]')
_SURROGATE, _CONTROL = re.compile(rb"\\u[dD][89a-fA-F]"), re.compile("[\x00-\x1f\x7f-\x9f]")
_INTEGER = re.compile("0|-?[1-9][0-9]{0,63}")


def _pairs(pairs: List[Tuple[str, Any]]) -> Packet:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a key twice")
    return members


def _integer(text: str) -> int:
    if not _INTEGER.fullmatch(text):
        raise ValueError("a number that is no plain integer")
    return int(text)


def _constant(text: str) -> Any:
    raise ValueError(f"{text} is not JSON")


_decode = json.JSONDecoder(object_pairs_hook=_pairs, parse_int=_integer, parse_constant=_constant).decode


def _parse(raw: bytes) -> Packet:
    """ValueError where it is no object, or not UTF-8."""
    if raw.count(b"{") + raw.count(b"[") > _DEPTH:
        frames = _Frames(len(raw))
        frames.buf += raw
        frames.find_end()  # refuses what is nested too deep
    try:
        packet = _decode(raw.decode())
        if _SURROGATE.search(raw):
            json.dumps(packet, ensure_ascii=False).encode()
    except RecursionError:
        raise ValueError("nested too deep") from None
    if not isinstance(packet, dict):
        raise ValueError("no object")
    return packet


class _Frames:
    """Cuts a stream into objects: at once where each ends its line, otherwise by its brackets."""

    def __init__(self, limit: int) -> None:
        self.buf = bytearray()
        self.limit = limit
        self.start = self.at = self.depth = 0  # of the object; what of it was looked at; brackets open there
        self.string = False  # within one, there

    def partial(self) -> bool:
        return _NOT_BLANK.search(self.buf, self.start) is not None

    def find_end(self) -> int:
        """Where the object ends, 0: not yet here.  Each byte is looked at once."""
        buf, pos = self.buf, self.at
        while True:
            if self.string:
                found = buf.find(b'"', pos)
                if found < 0:
                    break
                pos, back = found + 1, found
                while buf[back - 1] == 0x5C:
                    back -= 1
                self.string = (found - back) % 2 == 1
                continue
            mark = _MARK.search(buf, pos)
            if mark is None:
                break
            pos = mark.end()
            what = buf[pos - 1]
            if what == 0x22:
                self.string = True
            elif what in b"{[":
                self.depth += 1
                if self.depth > _DEPTH:
                    raise ValueError(f"nested deeper than {_DEPTH}")
            else:
                self.depth -= 1
                if self.depth == 0:
                    return pos
        self.at = len(buf)
        return 0

    def next(self) -> Optional[Packet]:
        """The next object, None: more has to come.  ValueError: the stream can't be followed."""
        buf = self.buf
        if self.depth == 0:
            begin = _NOT_BLANK.search(buf, self.start)
            if begin is None:
                buf.clear()
                self.start = self.at = 0
                return None
            self.start = self.at = begin.start()
            if buf[self.start] != 0x7B:
                raise ValueError("an object must begin with {")
            end = buf.find(b"\n", self.start)
            if 0 < end <= self.start + self.limit:
                try:
                    packet = _parse(bytes(buf[self.start:end]))
                except ValueError:
                    pass  # a line feed within, two on a line, or no JSON
                else:
                    self.start = self.at = end + 1
                    return packet
        end = self.find_end()
        if (end or len(buf)) - self.start > self.limit:
            raise ValueError(f"larger than {self.limit} bytes")
        if end:
            raw = bytes(buf[self.start:end])
            self.start = self.at = end
            return _parse(raw)
        del buf[:self.start]
        self.at -= self.start
        self.start = 0
        return None


def _check_id(what: str, text: str, name: bool = True) -> str:
    """ValueError unless it can be one; name: of a server or a policy."""
    if not 0 < len(text.encode()) <= _ID_MAX:
        raise ValueError(f"{what} is {text!r}: it must have 1 to {_ID_MAX} bytes")
    if _CONTROL.search(text) or name and re.search(r'["\\]', text):
        raise ValueError(f"{what} is {text!r}: no control characters{', quotes or backslashes' * name} may be in it")
    return text


def _as_text(payload: Payload) -> Tuple[str, bool]:
    """As it stands in a packet, and whether that is base64."""
    return (payload, False) if isinstance(payload, str) else (base64.b64encode(payload).decode(), True)


def _as_bytes(packet: Packet) -> Tuple[bytes, bool]:
    """What a packet's payload stands for; ValueError."""
    payload, encoding = packet.get("payload"), packet.get("encoding")
    if not isinstance(payload, str):
        raise ValueError("the payload is no string")
    if encoding is None:
        return payload.encode(), False
    if encoding != "base64":
        raise ValueError(f"the encoding is {str(encoding)[:64]!r}")
    return base64.b64decode(payload.encode("ascii"), validate=True), True


def _scalar(packet: Packet, key: str) -> str:
    """A string or an integer as text; empty where it is neither."""
    value = packet.get(key)
    return value if isinstance(value, str) else str(value) if type(value) is int else ""


def _refusal(packet: Packet) -> Refused:
    code, message = packet.get("code"), packet.get("message", "")
    if not isinstance(code, str) or not code or not isinstance(message, str):
        raise ProtocolError("an error without a code")
    after = _scalar(packet, "retryafter")
    retryafter = int(after) if re.fullmatch("[0-9]{1,15}", after) else None
    return _TYPES.get(code, Refused)(message, code=code, retryafter=retryafter or None)


class Reply:
    """A server's answer: data are its bytes, text the same as text, server is the id that answered, binary tells
    whether it came as base64, and packet is all of it."""
    __slots__ = ("data", "server", "binary", "packet")

    def __init__(self, data: bytes, server: str, binary: bool, packet: Packet) -> None:
        self.data, self.server, self.binary, self.packet = data, server, binary, packet

    @property
    def text(self) -> str:
        """UnicodeDecodeError where the bytes are no text."""
        return self.data.decode()

    def __repr__(self) -> str:
        return f"Reply({self.data[:64]!r}{'...' * (len(self.data) > 64)}, server={self.server!r})"


Outcome = Union[Reply, Error]


def _judge(packet: Packet, srcid: str) -> Outcome:
    """An answer to a request from srcid; ProtocolError where it can't be one."""
    kind, destid = _scalar(packet, "type"), _scalar(packet, "destid")
    if kind == "3" and destid in ("", srcid):  # empty: to a request that could not be read
        return _refusal(packet)
    if kind not in ("2", "3"):
        raise ProtocolError(f"a packet of type {str(packet.get('type'))[:32]!r} is no answer")
    if destid != srcid:
        raise ProtocolError(f"an answer to {destid[:_ID_MAX]!r} and not to {srcid!r}")
    try:
        data, binary = _as_bytes(packet)
    except ValueError as e:
        raise ProtocolError(f"a reply without a payload: {e}") from None
    return Reply(data, _scalar(packet, "srcid"), binary, packet)


# ---- places ----


class _Place(NamedTuple):
    """PORT, HOST:PORT, [V6]:PORT or unix:PATH; path is set or port is."""
    text: str
    host: str
    port: int
    path: str


class _Address(NamedTuple):
    family: int
    at: Any
    place: _Place


def _place(where: Union[int, str], lowest: int = 1) -> _Place:
    text = str(where).strip()
    if text.startswith("unix:"):
        path = text[5:]
        if not re.fullmatch("[/@][!-~]{1,106}", path) or re.search(r'["\'\\,]', path):
            raise ValueError(f"{text!r}: it is unix:/PATH or unix:@NAME, of at most 107 bytes")
        return _Place(text, "localhost", 0, "\0" + path[1:] if path[0] == "@" else path)
    found = re.fullmatch(r"(?:(?:\[([^]]+)\]|([^:\[\]]+)):)?([0-9]{1,5})", text)
    if found is None or not lowest <= int(found[3]) <= 65535:
        raise ValueError(f"{text!r}: it is PORT, HOST:PORT, [V6]:PORT or unix:/PATH")
    host = found[1] or found[2] or "127.0.0.1"
    return _Place(f"127.0.0.1:{text}" if found[3] == text else text, host, int(found[3]), "")


def _places(proxies: Proxies) -> List[_Place]:
    parts = str(proxies).split(",") if isinstance(proxies, (int, str)) else [p for s in proxies for p in str(s).split(",")]
    if not parts:
        raise ValueError("no proxy is named")
    return [_place(p) for p in parts]


def _find(place: _Place, flags: int) -> List[_Address]:
    found = socket.getaddrinfo(place.host, place.port, type=socket.SOCK_STREAM, flags=flags)
    return list(dict.fromkeys(_Address(f[0], f[4], place) for f in found))


def _resolve_into(place: _Place, done: Callable[[Union[List[_Address], OSError]], None]) -> None:
    """Calls done with what it finds: at once, or from a thread of its own, for a name server can't be hurried."""
    if place.path:
        return done([_Address(socket.AF_UNIX, place.path, place)])

    def look_up() -> None:
        try:
            done(_find(place, 0))
        except (OSError, UnicodeError) as e:
            done(e if isinstance(e, OSError) else OSError(str(e)))

    try:
        found = _find(place, socket.AI_NUMERICHOST)
    except OSError:
        threading.Thread(target=look_up, daemon=True, name="policypool resolver").start()
        return None
    return done(found)


def _judged(found: Union[List[_Address], OSError]) -> List[_Address]:
    if isinstance(found, OSError):
        raise found
    return found


async def _resolve(place: _Place, seconds: float) -> List[_Address]:
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Union[List[_Address], OSError]] = loop.create_future()

    def done(found: Union[List[_Address], OSError]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(lambda: None if future.done() else future.set_result(found))

    _resolve_into(place, done)
    return _judged(await asyncio.wait_for(future, seconds))


def _why(e: BaseException) -> str:
    if isinstance(e, ssl.SSLCertVerificationError):
        return f"its certificate is refused: {e.verify_message}"
    if isinstance(e, (TimeoutError, asyncio.TimeoutError)):
        return "no connection in time"
    if isinstance(e, OSError) and e.errno and not isinstance(e, (ssl.SSLError, socket.gaierror)):
        return os.strerror(e.errno)  # asyncio has words of its own
    return str((e.strerror if isinstance(e, OSError) else None) or e or type(e).__name__)


class _Tls(NamedTuple):
    context: ssl.SSLContext
    name: Optional[str]

    def name_at(self, place: _Place) -> str:
        return self.name or place.host


def _tls(on: bool, ca: Optional[str], cert: Optional[str], key: Optional[str], name: Optional[str],
         insecure: bool = False) -> Optional[_Tls]:
    """What verifies a proxy, and is presented to it; None: plain."""
    if not on:
        if ca or cert or key or name or insecure:
            raise ValueError("ca, cert, key, server_name and insecure need tls=True")
        return None
    if ca is None and not insecure:
        raise ValueError("tls needs ca, the file of the CAs that sign the proxy's certificate")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if ca is not None:
        context.load_verify_locations(ca)
    _load_identity(context, cert, key)
    return _Tls(context, name)


def _load_identity(context: ssl.SSLContext, cert: Optional[str], key: Optional[str]) -> None:
    if (cert is None) != (key is None):
        raise ValueError("a certificate and its key are needed, not one of them")
    if cert is not None and key is not None:
        _check_private(key, os.stat(key))
        context.load_cert_chain(cert, key, password=lambda: "")  # never asks on a terminal


def _check_private(path: str, st: os.stat_result) -> None:
    if not stat.S_ISREG(st.st_mode) or st.st_mode & 0o077 or st.st_uid not in (0, os.geteuid()):
        raise ValueError(f"{path}: it must be a file of this user or root that nobody else can read: mode 0600")


# ---- a client, apart from its sockets ----

_EACH_PAUSE, _LONGEST_PAUSE = 0.05, 1.0


def _pause(tries: int, first: float = _EACH_PAUSE, longest: float = _LONGEST_PAUSE) -> float:
    """Seconds before the next round: half of it is by lot, so that many do not come back at once."""
    return min(longest, first * 2.0 ** min(tries, 16)) * random.uniform(0.5, 1.0)


class _Flight:
    """A request until its outcome is known."""
    __slots__ = ("packet", "srcid", "deadline", "resend", "outcome", "notify", "link", "start", "maybe", "abandoned", "last")

    def __init__(self, packet: bytes, srcid: str, deadline: float, resend: bool) -> None:
        self.packet, self.srcid, self.deadline, self.resend = packet, srcid, deadline, resend
        self.outcome: Optional[Outcome] = None
        self.notify: Optional[Callable[[_Flight], None]] = None
        self.link: Optional[_Link] = None  # on which it is in flight
        self.start = 0  # of it, in that one's output
        self.maybe = False  # it was sent before, so it may have run
        self.abandoned = False  # nobody waits for its answer any more
        self.last: Optional[Error] = None  # why it is to be sent again

    def resolve(self, outcome: Outcome) -> None:
        if self.outcome is None and not self.abandoned:
            self.outcome, self.packet = outcome, b""
            if self.notify is not None:
                self.notify(self)

    def left(self) -> bool:
        """Has a byte of it gone out?"""
        return self.maybe or self.link is not None and self.start < self.link.sent


class _Link:
    """One connection: its output, and what is in flight on it, in the order of the answers."""

    def __init__(self, where: _Address, limit: int) -> None:
        self.where, self.frames = where, _Frames(limit)
        self.out = bytearray()
        self.queued = self.sent = 0  # bytes of output so far
        self.flying: Deque[_Flight] = collections.deque()
        self.answered = self.leaving = False  # leaving: it gets no more requests

    def idle(self) -> bool:
        """Nobody waits for an answer on it."""
        return all(f.abandoned for f in self.flying)


class _Way:
    """Which address is next: one that has answered stays; one that failed is left out until the round is over."""

    def __init__(self, places: List[_Place], order: str, retries: int) -> None:
        if order not in ("listed", "random"):
            raise ValueError(f"order is {order!r}: it must be listed or random")
        self.list, self.order, self.retries = places, order, retries
        self.sticky: Optional[_Address] = None
        self.skip: Dict[Any, str] = {}  # an address or a place: why
        self.rounds = 0
        self.told = "no proxy can be reached"  # the last time that all were given up

    def places(self) -> List[_Place]:
        places = random.sample(self.list, len(self.list)) if self.order == "random" else self.list
        return [p for p in places if p not in self.skip]

    def failed(self, where: Union[_Address, _Place], why: str) -> None:
        self.skip[where] = why
        if self.sticky == where:
            self.sticky = None

    def worked(self, where: _Address) -> None:
        self.sticky, self.rounds = where, 0
        self.skip.clear()

    def next_round(self) -> Optional[float]:
        """The pause before it, or None where there have been enough."""
        self.rounds += 1
        if self.rounds > self.retries:
            return None
        self.skip.clear()
        return _pause(self.rounds - 1)

    def why(self, lead: str) -> str:
        """What has failed in this round."""
        told = (f"{w.text if isinstance(w, _Place) else _shown(w)}: {text}" for w, text in self.skip.items())
        return lead + "; ".join(told) if self.skip else ""

    def give_up(self) -> str:
        self.told = f"no proxy can be reached{self.why(': ')}" if self.skip else self.told
        self.rounds = 0
        self.skip.clear()
        return self.told


def _shown(a: _Address) -> str:
    if a.family == socket.AF_UNIX:
        return a.place.text
    return f"[{a.at[0]}]:{a.at[1]}" if a.family == socket.AF_INET6 else f"{a.at[0]}:{a.at[1]}"


class _Core:
    """Requests, and what becomes of them as their connections go."""

    def __init__(self, places: List[_Place], order: str, retries: int, window: int, limit: int) -> None:
        self.way = _Way(places, order, retries)
        self.window, self.limit = window, limit
        self.waiting: Deque[_Flight] = collections.deque()  # to be sent, in this order
        self.clocks: List[Tuple[float, int, _Flight]] = []  # a heap
        self.count = 0

    def put(self, f: _Flight) -> None:
        self.waiting.append(f)
        self.count += 1
        heapq.heappush(self.clocks, (f.deadline, self.count, f))

    def has_work(self) -> bool:
        """Is a request to be sent?  Those that nobody waits for are dropped."""
        while self.waiting and (self.waiting[0].outcome is not None or self.waiting[0].abandoned):
            self.waiting.popleft()
        return bool(self.waiting)

    def fill(self, link: _Link) -> None:
        while (not link.leaving and len(link.flying) < self.window and len(link.out) < _OUTPUT and self.has_work()):
            f = self.waiting.popleft()
            f.link, f.start = link, link.queued
            link.out += f.packet
            link.queued += len(f.packet)
            link.flying.append(f)

    def received(self, link: _Link, data: bytes) -> None:
        """ProtocolError: the connection is to be closed, see broke()."""
        link.frames.buf += data
        try:
            while (packet := link.frames.next()) is not None:
                self._answer(link, packet)
        except ValueError as e:
            raise ProtocolError(f"{_shown(link.where)}: {e}") from None

    def _answer(self, link: _Link, packet: Packet) -> None:
        if not link.flying:
            if _scalar(packet, "type") == "3" and _scalar(packet, "destid") == "":
                link.leaving = True  # a farewell, or why it is about to be closed
                return
            raise ProtocolError(f"{_shown(link.where)}: a packet that answers nothing")
        f = link.flying[0]
        if f.link is not link or f.start >= link.sent:
            raise ProtocolError(f"{_shown(link.where)}: an answer to what was not sent yet")
        outcome = _judge(packet, f.srcid)
        if isinstance(outcome, ShuttingDown):
            self._declined(link, outcome, _scalar(packet, "destid") == "")
            return
        link.flying.popleft()
        link.answered = True
        self.way.worked(link.where)
        f.resolve(outcome)

    def _declined(self, link: _Link, why: ShuttingDown, farewell: bool) -> None:
        """Not run: it goes elsewhere.  Answers to those behind it are still to come, unless it was a farewell."""
        link.leaving = True
        back = list(link.flying) if farewell else [link.flying[0]]
        if not link.answered:
            self.way.failed(link.where, str(why))
        for f in back:
            link.flying.popleft()
            f.link, f.last = None, why
        self.waiting.extendleft(reversed(back))

    def broke(self, link: _Link, error: ProtocolError) -> None:
        """Something came that is no answer: nothing else on this connection can be trusted."""
        self.way.failed(link.where, str(error))
        self._part(link, error, lambda f: not f.left())

    def ended(self, link: _Link, why: str) -> None:
        """Closed or reset; why is said of what was not answered."""
        if not link.answered and (link.flying or self.waiting):
            self.way.failed(link.where, why)
        text = f"{_shown(link.where)}: {why}"
        cut = ReplyCut(f"{text}, within a reply") if link.flying and link.frames.partial() else None
        self._part(link, ConnectionLost(text), lambda f: f.resend or not f.left(), cut)

    def _part(self, link: _Link, error: Error, again: Callable[[_Flight], bool], first: Optional[Error] = None) -> None:
        back = []
        for n, f in enumerate(link.flying):
            this = first if n == 0 and first is not None else error
            if f.abandoned:
                continue
            if again(f):
                f.maybe, f.link, f.last = f.left(), None, this if f.left() else f.last
                back.append(f)
            else:
                f.resolve(type(this)(f"{this.message}; the request may have run"))
        link.flying.clear()
        link.leaving = True
        self.waiting.extendleft(reversed(back))

    def give_up(self) -> None:
        """Nobody can be reached: what is to be sent has failed."""
        why = self.way.give_up()
        failed, self.waiting = self.waiting, collections.deque()
        for f in failed:
            f.resolve(f.last if isinstance(f.last, ShuttingDown) and not f.maybe else
                      ConnectionLost(f"{f.last}; then {why}; the request may have run") if f.maybe else Unreachable(why))

    def expire(self, now: float) -> Optional[float]:
        """Ends what is overdue; the next deadline, None: there is none."""
        while self.clocks and (self.clocks[0][2].outcome is not None or self.clocks[0][0] <= now):
            f = heapq.heappop(self.clocks)[2]
            if f.outcome is not None or f.abandoned:
                continue
            left, link = f.left(), f.link
            why = f"; before that, {f.last}" if f.last is not None else "" if left else self.way.why("; ")
            f.resolve(ReplyTimeout(f"no answer in time; the request {'may have run' if left else 'was not sent'}{why}", may_have_run=left))
            self.abandon(f)
            if link is not None and not link.answered:
                self.way.failed(link.where, "no answer in time")
        return self.clocks[0][0] if self.clocks else None

    def abandon(self, f: _Flight) -> None:
        """Nobody waits for it any more.  Its late answer can't be taken for another's: its connection takes no more
        requests, and ends with the last answer that somebody waits for."""
        f.abandoned = True
        if f.link is not None:
            f.link.leaving = True

    def close(self, links: Iterable[_Link]) -> None:
        waiting, self.waiting = self.waiting, collections.deque()
        for f in waiting:
            f.resolve(ConnectionLost("the client was closed", may_have_run=f.maybe))
        for link in links:
            for f in link.flying:
                f.resolve(ConnectionLost("the client was closed", may_have_run=f.left()))
            link.flying.clear()
        self.clocks.clear()


class _Base:
    """What both clients have in common: the settings, and how a request is made of them."""

    def __init__(self, proxies: Proxies, *, id: str = "1", order: str = "listed", timeout: float = 30.0,
                 connect_timeout: float = 5.0, retries: int = 6, resend: bool = False, pipeline: int = 64,
                 distinct: bool = False, max_message: int = _MAX_MESSAGE, tls: bool = False, ca: Optional[str] = None, cert: Optional[str] = None,
                 key: Optional[str] = None, server_name: Optional[str] = None, insecure: bool = False) -> None:
        for name, value in (("timeout", timeout), ("connect_timeout", connect_timeout), ("pipeline", pipeline), ("max_message", max_message)):
            if not 0 < value < 1e9:
                raise ValueError(f"{name} is {value}: it must be above 0")
        self.id, self.timeout, self.connect_timeout, self.resend = _check_id("id", str(id), False), timeout, connect_timeout, resend
        self._tls = _tls(tls, ca, cert, key, server_name, insecure)
        self._core = _Core(_places(proxies), order, retries, pipeline, max_message)
        self._distinct, self._number = distinct, 0
        if distinct:
            _check_id("id, with a number for each request,", f"{self.id}-{10 ** 15}", False)
        self._heads: Dict[str, Tuple[str, str]] = {}  # of packets, by their policy: what stands around the srcid
        self._closed = False
        self._begin()

    def _begin(self) -> None:
        """What a client has beside."""

    def _head(self, policy: str, srcid: str) -> str:
        head = self._heads.get(policy)
        if head is None:
            _check_id("policy", policy)
            head = '{"type":"0","srcid":' + _quote(self.id)[:-1], f'","privPoliId":{_quote(policy)},"payloadsize":'
            if len(self._heads) >= 1000:
                self._heads.clear()
            self._heads[policy] = head
        return srcid[len(self.id):].join(head)

    def _flight(self, policy: str, payload: Payload, timeout: Optional[float], resend: Optional[bool],
                more: Optional[Mapping[str, Any]]) -> _Flight:
        if self._closed:
            raise ConnectionLost("the client was closed", may_have_run=False)
        text, binary = _as_text(payload)
        tail = ',"encoding":"base64"' if binary else ""
        if more:
            if set(more) & {"type", "srcid", "privPoliId", "privPolyId", "payloadsize", "payload", "encoding"}:
                raise ValueError("more can't replace keys of the packet")
            tail += "," + json.dumps(dict(more), ensure_ascii=False, allow_nan=False)[1:-1]
        size = len(text) if binary or text.isascii() else len(text.encode())
        srcid = self.id
        if self._distinct:
            self._number += 1
            srcid = f"{srcid}-{self._number}"
        packet = f'{self._head(str(policy), srcid)}{size},"payload":{_quote(text)}{tail}}}\n'.encode()
        if len(packet) > self._core.limit:
            raise TooLarge(f"the packet has {len(packet)} bytes, max_message is {self._core.limit}")
        seconds = self.timeout if timeout is None else timeout
        f = _Flight(packet, srcid, time.monotonic() + seconds, self.resend if resend is None else resend)
        self._core.put(f)
        return f


def _given(outcome: Optional[Outcome]) -> Reply:
    if isinstance(outcome, Reply):
        return outcome
    assert outcome is not None
    raise outcome


def _milliseconds(seconds: float) -> int:
    """Rounded up, so that nothing is looked at too early."""
    return min(int(seconds * 1000) + 1, 86400000) if seconds > 0 else 0


def _ended_why(e: Optional[BaseException]) -> str:
    return f"the connection broke: {_why(e)}" if e is not None else "the connection was closed before the reply"


# ---- the client that waits ----


class _SyncLink(_Link):
    def __init__(self, where: _Address, limit: int, sock: socket.socket) -> None:
        super().__init__(where, limit)
        self.sock = sock
        self.wants_write = False  # TLS can't read before it has written

    def write(self) -> None:
        """As much as goes without waiting; OSError."""
        while self.out:
            try:
                with memoryview(self.out)[:_OUTPUT] as part:
                    n = self.sock.send(part)
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                return
            self.sent += n
            del self.out[:n]

    def read(self) -> Optional[bytes]:
        """What is there, None: nothing for now, empty: the end; OSError."""
        self.wants_write = False
        try:
            return self.sock.recv(_OUTPUT)
        except (BlockingIOError, ssl.SSLWantReadError):
            return None
        except ssl.SSLWantWriteError:
            self.wants_write = True
            return None
        except ssl.SSLEOFError:
            return b""


class Client(_Base):
    """A client for one thread at a time."""

    def _begin(self) -> None:
        self._links: List[_SyncLink] = []
        self._lock = threading.Lock()
        self._order: Deque[_Flight] = collections.deque()  # of send(), for receive()

    def connect(self) -> Client:
        """At once, where otherwise the first request does; Unreachable."""
        deadline = time.monotonic() + self.timeout
        while self._usable() is None:
            if not self._open(deadline):
                raise Unreachable(self._core.way.give_up())
        return self

    def call(self, policy: str, payload: Payload, *, timeout: Optional[float] = None, resend: Optional[bool] = None,
             more: Optional[Mapping[str, Any]] = None) -> Reply:
        """Sends a request and waits for its answer."""
        f = self._flight(policy, payload, timeout, resend, more)
        return self._await(f)

    def send(self, policy: str, payload: Payload, *, timeout: Optional[float] = None, resend: Optional[bool] = None,
             more: Optional[Mapping[str, Any]] = None) -> None:
        """Sends a request; receive() has its answer.  Waits only while `pipeline` requests have not gone out."""
        self._order.append(self._flight(policy, payload, timeout, resend, more))
        self._turn(False)
        while len(self._core.waiting) >= self._core.window:
            self._turn(True)

    def receive(self) -> Reply:
        """The answer to the oldest request of send() that it was not called for yet."""
        if not self._order:
            raise ValueError("nothing was sent that has no answer yet")
        return self._await(self._order.popleft())

    @property
    def outstanding(self) -> int:
        """How often receive() may be called."""
        return len(self._order)

    def pipeline(self, requests: Iterable[Tuple[str, Payload]], *, timeout: Optional[float] = None, resend: Optional[bool] = None,
                 return_errors: bool = False) -> Iterator[Any]:
        """Answers to pairs of policy and payload, in their order, with many in flight."""
        ahead = 2 * self._core.window
        flights: Deque[_Flight] = collections.deque()
        try:
            for policy, payload in requests:
                flights.append(self._flight(policy, payload, timeout, resend, None))
                while len(flights) >= ahead:
                    yield self._outcome(flights, return_errors)
            while flights:
                yield self._outcome(flights, return_errors)
        finally:
            for f in flights:
                self._core.abandon(f)

    def _outcome(self, flights: Deque[_Flight], return_errors: bool) -> Outcome:
        while flights[0].outcome is None:
            self._turn(True)
        f = flights.popleft()
        assert f.outcome is not None
        return f.outcome if return_errors else _given(f.outcome)

    def close(self) -> None:
        self._closed = True
        self._core.close(self._links)
        for link in list(self._links):
            self._drop(link)

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _await(self, f: _Flight) -> Reply:
        try:
            while f.outcome is None:
                self._turn(True)
        except BaseException:  # an interrupt
            self._core.abandon(f)
            raise
        return _given(f.outcome)

    # What waits below waits in _turn and _open, until the next deadline at most.

    def _usable(self) -> Optional[_SyncLink]:
        return next((link for link in self._links if not link.leaving), None)

    def _turn(self, wait: bool) -> None:
        """Connects where that is needed, writes, reads, ends what is overdue; with wait after something has happened."""
        if not self._lock.acquire(blocking=False):
            raise RuntimeError("another thread is using this client")
        try:
            self._do_turn(wait)
        except BaseException:  # an interrupt, within anything: no connection can be trusted
            for link in list(self._links):
                self._drop(link)
                self._core.ended(link, "interrupted")
            raise
        finally:
            self._lock.release()

    def _do_turn(self, wait: bool) -> None:
        core = self._core
        if core.waiting:
            self._exchange(0)  # a connection that has ended gets no request
        if core.has_work() and self._usable() is None:
            soonest = core.expire(time.monotonic())
            if soonest is None or not self._open(soonest):
                core.expire(time.monotonic())
                return
        for link in list(self._links):
            core.fill(link)
            self._guard(link, link.write)
        if wait and self._links:
            self._exchange(max(0.0, (core.clocks[0][0] if core.clocks else 0) - time.monotonic()))
        core.expire(time.monotonic())
        for link in list(self._links):
            if link.leaving and link.idle():
                self._drop(link)

    def _exchange(self, seconds: float) -> None:
        """Reads what has come, and writes what there is room for; waits so long for either at most."""
        poll, links = select.poll(), {link.sock.fileno(): link for link in self._links}
        for fd, link in links.items():
            poll.register(fd, select.POLLIN | (select.POLLOUT if link.out or link.wants_write else 0))
        pending = {fd for fd, link in links.items() if isinstance(link.sock, ssl.SSLSocket) and link.sock.pending()}
        for fd in pending | {fd for fd, _ in poll.poll(0 if pending else _milliseconds(seconds))}:
            link = links[fd]
            if link.out:
                self._guard(link, link.write)
            self._guard(link, functools.partial(self._read, link))

    def _read(self, link: _SyncLink) -> None:
        for _ in range(16):  # then others, and the clocks, have a turn
            data = link.read()
            if data is None:
                return
            if not data:
                raise EOFError
            self._core.received(link, data)
            if len(data) < _OUTPUT and not isinstance(link.sock, ssl.SSLSocket):
                return

    def _guard(self, link: _SyncLink, step: Callable[[], None]) -> None:
        """A step of a connection, which may be its end."""
        if link not in self._links:
            return
        try:
            try:
                step()
            except OSError as e:
                self._read_rest(link)
                why = _ended_why(e)
            except EOFError:
                why = _ended_why(None)
            else:
                return
        except ProtocolError as e:
            self._drop(link)
            self._core.broke(link, e)
        else:
            self._drop(link)
            self._core.ended(link, why)

    def _read_rest(self, link: _SyncLink) -> None:
        """Answers that came before a reset."""
        with contextlib.suppress(OSError):
            while data := link.read():
                self._core.received(link, data)

    def _drop(self, link: _SyncLink) -> None:
        self._links.remove(link)
        with contextlib.suppress(OSError):
            link.sock.close()

    def _open(self, deadline: float) -> bool:
        """To the next address; False: not by then, or all have been tried often enough."""
        way = self._core.way
        while time.monotonic() < deadline:
            if way.sticky is not None and self._try(way.sticky, deadline):
                return True
            for place in way.places():
                try:
                    addresses = self._addresses(place, deadline)
                except OSError as e:
                    way.failed(place, _why(e))
                    continue
                if any(a not in way.skip and self._try(a, deadline) for a in addresses):
                    return True
            if time.monotonic() >= deadline:
                break
            pause = way.next_round()
            if pause is None:
                self._core.give_up()
                return False
            time.sleep(max(0.0, min(pause, deadline - time.monotonic())))
        return False

    def _addresses(self, place: _Place, deadline: float) -> List[_Address]:
        found: queue.Queue[Union[List[_Address], OSError]] = queue.Queue()
        _resolve_into(place, found.put)
        try:
            return _judged(found.get(timeout=max(0.001, min(self.connect_timeout, deadline - time.monotonic()))))
        except queue.Empty:
            raise TimeoutError from None

    def _try(self, a: _Address, deadline: float) -> bool:
        sock = socket.socket(a.family, socket.SOCK_STREAM)
        try:
            end = min(time.monotonic() + self.connect_timeout, deadline)
            sock.settimeout(max(0.001, end - time.monotonic()))
            sock.connect(a.at)
            if a.family != socket.AF_UNIX:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls is not None:
                sock = self._tls.context.wrap_socket(sock, server_hostname=self._tls.name_at(a.place), do_handshake_on_connect=False)
                self._shake_hands(sock, end)
            sock.setblocking(False)
        except (OSError, ValueError) as e:
            sock.close()
            self._core.way.failed(a, _why(e))
            return False
        self._links.append(_SyncLink(a, self._core.limit, sock))
        return True

    @staticmethod
    def _shake_hands(sock: ssl.SSLSocket, end: float) -> None:
        """Within the time as a whole, not each read."""
        sock.setblocking(False)
        while True:
            try:
                return sock.do_handshake()
            except ssl.SSLWantReadError:
                what = select.POLLIN
            except ssl.SSLWantWriteError:
                what = select.POLLOUT
            poll = select.poll()
            poll.register(sock, what)
            if not poll.poll(max(0.0, end - time.monotonic()) * 1000):
                raise TimeoutError


def connect(proxies: Proxies, **options: Any) -> Client:
    """A client that has a connection; Unreachable."""
    client = Client(proxies, **options)
    try:
        return client.connect()
    except BaseException:
        client.close()
        raise


# ---- the client for asyncio ----


class _Wire(asyncio.Protocol):
    """A connection of an AsyncClient."""

    def __init__(self, client: AsyncClient, where: _Address) -> None:
        self.client, self.link = client, _Link(where, client._core.limit)
        self.transport: Optional[asyncio.Transport] = None
        self.full = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        if self.client._closed:
            transport.abort()
        else:
            self.client._wires.append(self)
            self.client._soon()

    def data_received(self, data: bytes) -> None:
        if self not in self.client._wires:
            return
        try:
            self.client._core.received(self.link, data)
        except ProtocolError as e:
            self.client._drop(self)
            self.client._core.broke(self.link, e)
        self.client._soon()

    def pause_writing(self) -> None:
        self.full = True

    def resume_writing(self) -> None:
        self.full = False
        self.client._soon()

    def connection_lost(self, error: Optional[Exception]) -> None:
        if self in self.client._wires:
            self.client._drop(self)
            self.client._core.ended(self.link, _ended_why(error))
            self.client._soon()

    def write(self) -> None:
        if self.full or self.transport is None or not self.link.out:
            return
        data = bytes(self.link.out)
        self.link.out.clear()
        self.link.sent += len(data)
        self.transport.write(data)


class AsyncClient(_Base):
    """A client for one event loop; any number of its tasks may use it at once."""

    def _begin(self) -> None:
        self._wires: List[_Wire] = []
        self._loop: Optional[asyncio.AbstractEventLoop] = None
        self._opening: Optional[asyncio.Task[None]] = None
        self._clock: Optional[asyncio.TimerHandle] = None
        self._scheduled = False

    async def connect(self) -> AsyncClient:
        """At once, where otherwise the first request does; Unreachable."""
        self._loop = asyncio.get_running_loop()
        try:
            found = self._usable() is not None or await asyncio.wait_for(self._open(), self.timeout)
        except asyncio.TimeoutError:
            found = False
        if not found:
            raise Unreachable(self._core.way.give_up())
        return self

    async def call(self, policy: str, payload: Payload, *, timeout: Optional[float] = None, resend: Optional[bool] = None,
                   more: Optional[Mapping[str, Any]] = None) -> Reply:
        """Sends a request and waits for its answer."""
        return await self.send(policy, payload, timeout=timeout, resend=resend, more=more)

    def send(self, policy: str, payload: Payload, *, timeout: Optional[float] = None, resend: Optional[bool] = None,
             more: Optional[Mapping[str, Any]] = None) -> asyncio.Future[Reply]:
        """Sends a request; what it returns is awaited for the answer."""
        self._loop = self._loop or asyncio.get_running_loop()
        future: asyncio.Future[Reply] = self._loop.create_future()
        f = self._flight(policy, payload, timeout, resend, more)

        def notify(f: _Flight) -> None:
            if future.done():
                return
            if isinstance(f.outcome, Reply):
                future.set_result(f.outcome)
            else:
                assert f.outcome is not None
                future.set_exception(f.outcome)

        def cancelled(future: asyncio.Future[Reply]) -> None:
            if future.cancelled():
                self._core.abandon(f)
                self._soon()

        f.notify = notify
        future.add_done_callback(cancelled)
        self._soon()
        return future

    async def pipeline(self, requests: Union[Iterable[Tuple[str, Payload]], AsyncIterable[Tuple[str, Payload]]], *,
                       timeout: Optional[float] = None, resend: Optional[bool] = None, return_errors: bool = False) -> AsyncIterator[Any]:
        """Answers to pairs of policy and payload, in their order, with many in flight."""
        futures: Deque[asyncio.Future[Reply]] = collections.deque()
        try:
            async for policy, payload in _each(requests):
                futures.append(self.send(policy, payload, timeout=timeout, resend=resend))
                while len(futures) >= 2 * self._core.window:
                    yield await _outcome(futures, return_errors)
            while futures:
                yield await _outcome(futures, return_errors)
        finally:
            for future in futures:
                if not future.cancel() and not future.cancelled():
                    future.exception()  # nobody is to be told of it

    async def close(self) -> None:
        self._closed = True
        if self._opening is not None:
            self._opening.cancel()
        if self._clock is not None:
            self._clock.cancel()
        self._core.close(w.link for w in self._wires)
        for wire in list(self._wires):
            self._drop(wire)
        await asyncio.sleep(0)  # the transports close their sockets in the loop

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def _usable(self) -> Optional[_Wire]:
        return next((w for w in self._wires if not w.link.leaving), None)

    def _drop(self, wire: _Wire) -> None:
        self._wires.remove(wire)
        if wire.transport is not None:
            wire.transport.abort()

    def _soon(self) -> None:
        """What is sent in one turn of the loop goes out in one write."""
        if not self._scheduled and not self._closed and self._loop is not None:
            self._scheduled = True
            self._loop.call_soon(self._turn)

    def _turn(self) -> None:
        self._scheduled = False
        if self._closed or self._loop is None:
            return
        core = self._core
        for wire in list(self._wires):
            if not wire.full:
                core.fill(wire.link)
                wire.write()
            if wire.link.leaving and wire.link.idle():
                self._drop(wire)
        if core.has_work() and self._usable() is None and self._opening is None:
            self._opening = self._loop.create_task(self._open_for_work())
        self._arm()

    def _arm(self) -> None:
        assert self._loop is not None
        while self._core.clocks and self._core.clocks[0][2].outcome is not None:
            heapq.heappop(self._core.clocks)
        soonest = self._core.clocks[0][0] if self._core.clocks else None
        if self._clock is not None and (soonest is None or self._clock.when() > soonest):
            self._clock.cancel()
            self._clock = None
        if self._clock is None and soonest is not None:
            self._clock = self._loop.call_at(soonest, self._overdue)

    def _overdue(self) -> None:
        assert self._loop is not None
        self._clock = None
        self._core.expire(self._loop.time())
        self._soon()

    async def _open_for_work(self) -> None:
        try:
            while self._core.has_work() and self._usable() is None:
                if not await self._open():
                    break
        finally:
            self._opening = None
            self._soon()

    async def _open(self) -> bool:
        """To the next address; False: all have been tried often enough."""
        way = self._core.way
        while True:
            if way.sticky is not None and await self._try(way.sticky):
                return True
            for place in way.places():
                try:
                    addresses = await _resolve(place, self.connect_timeout)
                except (OSError, asyncio.TimeoutError) as e:
                    way.failed(place, _why(e))
                    continue
                for a in addresses:
                    if a not in way.skip and await self._try(a):
                        return True
            pause = way.next_round()
            if pause is None:
                self._core.give_up()
                return False
            await asyncio.sleep(pause)

    async def _try(self, a: _Address) -> bool:
        try:
            wire = await asyncio.wait_for(_connect(a, self._tls, lambda: _Wire(self, a)), self.connect_timeout)
        except (OSError, ValueError, asyncio.TimeoutError) as e:
            self._core.way.failed(a, _why(e))
            return False
        if wire not in self._wires:
            self._core.way.failed(a, "the connection was closed")
            return False
        return True


async def _connect(a: _Address, tls: Optional[_Tls], factory: Callable[[], asyncio.Protocol]) -> asyncio.BaseProtocol:
    """To that address; the caller sets the deadline."""
    loop = asyncio.get_running_loop()
    sock = socket.socket(a.family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        await loop.sock_connect(sock, a.at)
        if a.family != socket.AF_UNIX:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except BaseException:
        sock.close()
        raise
    _, protocol = await loop.create_connection(factory, sock=sock, ssl=tls.context if tls else None,
                                               server_hostname=tls.name_at(a.place) if tls else None)
    return protocol


async def _outcome(futures: Deque[asyncio.Future[Reply]], return_errors: bool) -> Outcome:
    try:
        return await futures[0]
    except Error as e:
        if not return_errors:
            raise
        return e
    finally:
        futures.popleft()


async def _each(requests: Union[Iterable[Tuple[str, Payload]], AsyncIterable[Tuple[str, Payload]]]) -> AsyncIterator[Tuple[str, Payload]]:
    if isinstance(requests, AsyncIterable):
        async for pair in requests:
            yield pair
    else:
        for pair in requests:
            yield pair


async def connect_async(proxies: Proxies, **options: Any) -> AsyncClient:
    """A client for asyncio that has a connection; Unreachable."""
    client = AsyncClient(proxies, **options)
    try:
        return await client.connect()
    except BaseException:
        await client.close()
        raise


# ---- signatures of registrations ----


def _lengths(*parts: Union[str, bytes]) -> bytes:
    """Each with its length in four bytes, most significant first."""
    return b"".join(len(b).to_bytes(4, "big") + b for b in (p.encode() if isinstance(p, str) else p for p in parts))


def _mac(key: bytes, *parts: str) -> str:
    return hmac.new(key, _lengths(*parts), hashlib.sha256).hexdigest()


def server_key(secret: bytes, keyid: str, id: str) -> bytes:
    """The key of one server: HKDF-SHA256 of the secret of a named key."""
    extracted = hmac.new(b"\0" * 32, secret, hashlib.sha256).digest()
    return hmac.new(extracted, _lengths("policypool server key 1", keyid, id) + b"\1", hashlib.sha256).digest()


_FLAGS = ("ack", "keepalive", "tls", "backup")
_SIGNED = ("keyid", "id", "policy", "host", "port", "ack", "keepalive", "tls", "pipeline", "slots", "weight", "lease",
           "jobtimeout", "job", "repeat", "backup", "jobkeys", "epoch", "salt")


def _signed_value(packet: Mapping[str, Any], name: str) -> str:
    """As it is signed; empty: left out with its name."""
    value = packet.get({"policy": "privPolyId", "port": "listenport"}.get(name, name))
    text = "" if value is None else str(value)
    if name in _FLAGS:
        return "1" if text in ("1", "true", "True") else ""
    if name == "repeat":
        return "0" if text in ("0", "false", "False") else ""
    return "" if text == "0" and name not in ("keyid", "id", "policy", "host", "job", "salt", "jobkeys") else text


def registration_mac(key: bytes, cluster: str, packet: Mapping[str, Any], nonce: str) -> str:
    """Of a packet of type 1 or 5."""
    parts = ["policypool registration 1"]
    for name, value in (("cluster", cluster), ("verb", "register" if str(packet["type"]) == "1" else "deregister"),
                        *((name, _signed_value(packet, name)) for name in _SIGNED), ("nonce", nonce)):
        if value:
            parts += [name, value]
    return _mac(key, *parts)


def acknowledgement_mac(key: bytes, request_mac: str, verb: str, nonce: str) -> str:
    """Of a packet of type 4 that answers one with that mac."""
    return _mac(key, "policypool acknowledgement 1", "request", request_mac, "verb", verb, *(("nonce", nonce) if nonce else ()))


def proxies_mac(key: bytes, request_mac: str, proxies: str) -> str:
    """Of what such an answer tells of further proxies."""
    return _mac(key, "policypool proxies 1", "request", request_mac, "proxies", proxies)


def _secret(word: str) -> bytes:
    if re.fullmatch("(?:[0-9a-fA-F]{2})+", word):
        return bytes.fromhex(word)
    return base64.b64decode(word.encode("ascii"), validate=True)


class _Signer:
    """The keys of this server, from a file of lines `secret S` or `server-key K`."""

    def __init__(self, path: str, keyid: str, cluster: str, id: str) -> None:
        self.keyid, self.cluster = _check_id("key_id", keyid), _check_id("cluster", cluster)
        self.epoch = time.time_ns() // 1000
        self.keys: List[bytes] = []
        with open(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK), encoding="utf-8-sig") as f:
            _check_private(path, os.fstat(f.fileno()))
            for number, line in enumerate(f, 1):
                words = line.partition("#")[0].split()
                if words:
                    self.keys.append(self._key(words, keyid, id, f"{path}:{number}"))
        if not self.keys:
            raise ValueError(f"{path}: there is no key in it")

    @staticmethod
    def _key(words: List[str], keyid: str, id: str, where: str) -> bytes:
        try:
            value = _secret(words[1]) if len(words) == 2 else b""
        except ValueError:
            value = b""
        if words[0] == "server-key" and len(value) == 32:
            return value
        if words[0] == "secret" and 32 <= len(value) <= 256:
            return server_key(value, keyid, id)
        raise ValueError(f"{where}: it is: secret SECRET (of 32 to 256 bytes), or: server-key KEY, in hex or base64")


# ---- servers ----


class Request:
    """What a handler is given: data are the payload's bytes, text the same as text, binary tells whether it came as
    base64; policy is what the client asked for, client its id, packet all of it."""
    __slots__ = ("data", "binary", "policy", "client", "packet")

    def __init__(self, data: bytes, binary: bool, policy: str, client: str, packet: Packet) -> None:
        self.data, self.binary, self.policy, self.client, self.packet = data, binary, policy, client, packet

    @property
    def text(self) -> str:
        """UnicodeDecodeError where the bytes are no text."""
        return self.data.decode()


Handler = Callable[[Request], Union[str, bytes, Awaitable[Union[str, bytes]]]]
_NAMED_ID = re.compile(r"[^\x00-\x1f\x7f-\x9f]{1,64}")


def _read_request(packet: Packet) -> Request:
    """Refused, where it is none."""
    if _scalar(packet, "type") != "0":
        raise BadMessage("type must be 0: a server takes requests")
    client, named = _scalar(packet, "srcid"), [_scalar(packet, k) for k in ("privPoliId", "privPolyId") if k in packet]
    if not _NAMED_ID.fullmatch(client) or not named or named[0] != named[-1]:
        raise BadMessage("srcid or privPoliId is missing, or is none")
    try:
        data, binary = _as_bytes(packet)
    except ValueError as e:
        raise BadPayload(str(e)) from None
    return Request(data, binary, named[0], client, packet)


def _head(kind: str, packet: Packet, id: str) -> str:
    """The beginning of an answer, in the form of what it answers."""
    number = type(packet.get("type")) is int
    destid = packet.get("srcid")
    return (f'{{"type":{kind if number else _quote(kind)},"srcid":{id if number and _INTEGER.fullmatch(id) else _quote(id)},'
            f'"destid":{json.dumps(destid, ensure_ascii=False) if _NAMED_ID.fullmatch(_scalar(packet, "srcid")) else _quote("")}')


def _reply(packet: Packet, id: str, payload: Payload) -> bytes:
    text, binary = _as_text(payload)
    size, encoding = len(text.encode()), ',"encoding":"base64"' if binary else ""
    return f'{_head("2", packet, id)},"payloadsize":{size},"payload":{_quote(text)}{encoding}}}\n'.encode()


def _error(packet: Packet, id: str, e: Refused) -> bytes:
    after = f',"retryafter":{e.retryafter}' if e.retryafter else ""
    message = e.message.encode(errors="replace").decode()[:1000]
    return (f'{_head("3", packet, id)},"payloadsize":0,"payload":"","code":{_quote(e.code or "handler-failed")},'
            f'"message":{_quote(message)}{after}}}\n').encode()


class _Threads:
    """Do jobs one after the other; one that never ends keeps no process from its end."""

    def __init__(self, number: int) -> None:
        self.jobs: queue.SimpleQueue[Optional[Callable[[], None]]] = queue.SimpleQueue()
        self.number = number
        for _ in range(number):
            threading.Thread(target=self._work, daemon=True, name="policypool handler").start()

    def _work(self) -> None:
        while (job := self.jobs.get()) is not None:
            job()

    def stop(self) -> None:
        for _ in range(self.number):
            self.jobs.put(None)


class _Peer(asyncio.Protocol):
    """A connection to a server: answers leave in the order of the requests."""

    def __init__(self, server: Server) -> None:
        self.server, self.frames = server, _Frames(server.max_message)
        self.transport: Optional[asyncio.Transport] = None
        self.answers: Deque[List[bytes]] = collections.deque()  # of those in hand; an empty list: to come
        self.ended = self.reading = self.full = False  # ended: nothing more is read
        self.heard = self.stalled = time.monotonic()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport, self.reading = transport, True
        self.server._peers.add(self)

    def data_received(self, data: bytes) -> None:
        self.heard = time.monotonic()
        if not self.ended:
            self.frames.buf += data
            self._take()

    def eof_received(self) -> bool:
        if self.frames.partial() and not self.ended:
            self.refuse(BadJson("cut off by the end of the connection"))
        self.ended = True
        self._flush()
        return bool(self.answers) and not self.server.tls  # what is in hand is answered

    def connection_lost(self, error: Optional[Exception]) -> None:
        self.ended, self.transport = True, None
        self.server._peers.discard(self)

    def pause_writing(self) -> None:
        self.full, self.stalled = True, time.monotonic()

    def resume_writing(self) -> None:
        self.full = False
        self._take()

    def refuse(self, why: Refused) -> None:
        """The stream can't be followed: a last answer, then the end."""
        self.answers.append([_error({}, self.server.id, why)])
        self.ended = True
        self._flush()

    def answer(self, cell: List[bytes], data: bytes) -> None:
        cell.append(data)
        self._flush()
        self._take()

    def _take(self) -> None:
        room = self.server.pipeline
        try:
            while not self.ended and not self.full and len(self.answers) < room and (packet := self.frames.next()) is not None:
                self.answers.append([])
                self.ended = self.server.plain
                self.server._take(self, packet, self.answers[-1])
        except ValueError as e:
            self.refuse((TooLarge if str(e).startswith("larger") else BadJson)(str(e)))
        if self.transport is not None and not self.transport.is_closing():
            wanted = not self.full and len(self.answers) < room
            if wanted != self.reading:
                self.reading = wanted
                (self.transport.resume_reading if wanted else self.transport.pause_reading)()

    def _flush(self) -> None:
        out = []
        while self.answers and self.answers[0]:
            out.append(self.answers.popleft()[0])
        if self.transport is None:
            return
        if out:
            self.transport.write(b"".join(out))
        if self.ended and not self.answers:
            self.transport.close()

    def look(self, now: float, patience: float) -> None:
        """Once a second: does it send, does it read?"""
        if self.full and now - self.stalled > patience and self.transport is not None:
            self.transport.abort()
        elif not self.ended and self.reading and now - self.heard > patience and self.frames.partial():
            self.refuse(UpstreamTimeout("the rest of a packet did not come in time"))


class Server:
    """A server for asyncio: start(), then stop(); handler(request) gives the replies.  See policypool-python(3)."""

    def __init__(self, handler: Handler, *, id: str, policy: str, proxies: Optional[Proxies] = "2100", listen: Union[int, str] = "0",
                 host: str = "", plain: bool = False, job: Optional[str] = None, repeatable: bool = False, threads: int = 4,
                 pipeline: int = 64, queue: int = 1000, slots: int = 1000, weight: int = 1, lease: int = 10, backup: bool = False,
                 job_timeout: float = 5.0, peer_timeout: float = 30.0, ack_timeout: float = 2.0, stop_timeout: float = 10.0,
                 max_message: int = _MAX_MESSAGE, key_file: Optional[str] = None, key_id: Optional[str] = None,
                 cluster: str = "policypool", tls_certificate: Optional[str] = None, tls_key: Optional[str] = None,
                 tls_client_ca: Optional[str] = None, revproc_tls: bool = False, revproc_ca: Optional[str] = None,
                 revproc_certificate: Optional[str] = None, revproc_key: Optional[str] = None, revproc_name: Optional[str] = None) -> None:
        for name, number, least, most in (("threads", threads, 1, 10000), ("pipeline", pipeline, 1, 65535), ("slots", slots, 1, 65535),
                                          ("weight", weight, 1, 1000), ("lease", lease, 1, 86400), ("queue", queue, 1, 1 << 30)):
            if not least <= number <= most:
                raise ValueError(f"{name} is {number}: it must be {least} to {most}")
        if (key_file is None) != (key_id is None) or plain and key_file:
            raise ValueError("key_file and key_id go together, and not with plain")
        self.handler, self.id, self.policy = handler, _check_id("id", str(id)), _check_id("policy", str(policy))
        self.host, self.plain, self.repeatable, self.backup = host, plain, repeatable, backup
        name = getattr(handler, "__name__", "handler")
        self.job = _check_id("job", job if job is not None else name if name.isidentifier() else "handler")
        self.threads, self.pipeline, self.queue = (1, 1, queue) if plain else (threads, pipeline, queue)
        self.slots, self.weight, self.lease, self.job_timeout = slots, weight, lease, job_timeout
        self.peer_timeout, self.ack_timeout, self.stop_timeout, self.max_message = peer_timeout, ack_timeout, stop_timeout, max_message
        self.signer = _Signer(key_file, key_id, cluster, self.id) if key_file is not None and key_id is not None else None
        self.tls = self._listener_tls(tls_certificate, tls_key, tls_client_ca)
        self.revproc_tls = _tls(revproc_tls, revproc_ca, revproc_certificate, revproc_key, revproc_name)
        self.listen, self.port = _place(listen, 0), 0
        self._registrars = [_Registrar(self, p) for p in (_places(proxies) if proxies else [])]
        self._tasks: Set[asyncio.Task[None]] = set()
        self._peers: Set[_Peer] = set()
        self._in_hand = 0
        self._last = False  # what comes now is told to go elsewhere

    @staticmethod
    def _listener_tls(cert: Optional[str], key: Optional[str], client_ca: Optional[str]) -> Optional[ssl.SSLContext]:
        if cert is None:
            if key or client_ca:
                raise ValueError("tls_key and tls_client_ca need tls_certificate")
            return None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        _load_identity(context, cert, key)
        if client_ca is not None:
            context.load_verify_locations(client_ca)
            context.verify_mode = ssl.CERT_REQUIRED
        return context

    @property
    def registrations(self) -> Dict[str, str]:
        """What has come of the registration with each proxy: "joined", "announced" to one that does not acknowledge,
        or what keeps it from that."""
        return {r.place.text: r.state for r in self._registrars}

    async def start(self) -> Server:
        """Listens, and begins to register; joined() waits for that."""
        self._loop = asyncio.get_running_loop()
        self._socket = self._bind()
        self._threads = _Threads(self.threads)
        self._free = asyncio.Semaphore(self.threads)
        self._changed, self._leaving = asyncio.Event(), asyncio.Event()
        factory: Callable[[], asyncio.Protocol] = lambda: _Peer(self)
        start = self._loop.create_unix_server if self.listen.path else self._loop.create_server
        self._listener = await start(factory, sock=self._socket, ssl=self.tls)  # type: ignore[operator]
        self._sweeper = self._loop.create_task(self._sweep())
        self._joining = [self._loop.create_task(r.run()) for r in self._registrars]
        return self

    def _bind(self) -> socket.socket:
        at, path = self.listen, self.listen.path
        if path:
            sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            with contextlib.suppress(OSError):
                if stat.S_ISSOCK(os.stat(path).st_mode) and sock.connect_ex(path):
                    os.unlink(path)  # of one that has ended
            sock.close()
            sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            sock.bind(path)
        else:
            a = _find(at, socket.AI_PASSIVE)[0]
            dual = a.family == socket.AF_INET6 and a.at[0] == "::"
            sock = socket.create_server(a.at[:2], family=a.family, backlog=1024, dualstack_ipv6=dual)
            self.port = sock.getsockname()[1]
        return sock

    def _host(self, own: str) -> str:
        """What is announced as the host; own: our end of the connection to the proxy."""
        if self.host or self.listen.path:
            return self.host or self.listen.text
        at = self._socket.getsockname()[0]
        if not ipaddress.ip_address(at.partition("%")[0]).is_unspecified and at != "127.0.0.1":
            return str(at)
        return own if self.signer is not None else ""

    def _announcement(self, own: str) -> Packet:
        """What is at a proxy's default is left out."""
        host = self._host(own)
        a: Packet = {"type": "1", "id": self.id, "privPolyId": self.policy, "listenport": str(self.port), **({"host": host} if host else {})}
        if not self.plain:
            a.update(ack="1", keepalive="1", lease=str(self.lease))
            a.update({k: str(v) for k, v in (("pipeline", self.pipeline), ("slots", self.slots), ("weight", self.weight)) if v != 1})
        if self.tls is not None:
            a["tls"] = "1"
        if self.job != "sha1":
            a.update(job=self.job, jobtimeout=str(max(1, int(self.job_timeout * 1000))))
        if not self.repeatable and self.job != "sha1":
            a["repeat"] = "0"
        if self.backup:
            a["backup"] = "1"
        return a

    async def joined(self, timeout: float = 30.0) -> None:
        """Until it is registered with each proxy; Unreachable, saying what keeps it from that, if not in time."""
        deadline = time.monotonic() + timeout
        while not all(r.settled for r in self._registrars):
            self._changed.clear()
            try:
                await asyncio.wait_for(self._changed.wait(), max(0.001, deadline - time.monotonic()))
            except asyncio.TimeoutError:
                raise Unreachable("not registered: " + "; ".join(f"{p}: {s}" for p, s in self.registrations.items())) from None

    # A request.

    def _take(self, peer: _Peer, packet: Packet, cell: List[bytes]) -> None:
        try:
            request = _read_request(packet)
            if self._last:
                raise ShuttingDown("the server is stopping; the request was not run")
            if self._in_hand >= self.queue:
                raise Overloaded("too many requests wait for the handler", retryafter=100)
        except Refused as e:
            self._settle(peer, cell, _error(packet, self.id, e))
            return
        if _scalar(packet, "probe") == "1":
            self._settle(peer, cell, _reply(packet, self.id, ""))
            return
        self._in_hand += 1
        task = self._loop.create_task(self._answer(peer, request, cell))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _settle(self, peer: _Peer, cell: List[bytes], data: bytes) -> None:
        self._loop.call_soon(peer.answer, cell, data)

    async def _answer(self, peer: _Peer, request: Request, cell: List[bytes]) -> None:
        try:
            given = await self._run(request)
            data = _reply(request.packet, self.id, given)
            if len(data) > self.max_message:
                raise HandlerFailed(f"the reply has {len(data)} bytes, max_message is {self.max_message}")
        except Refused as e:
            data = _error(request.packet, self.id, e)
        except Exception as e:
            _log.exception("the handler failed")
            data = _error(request.packet, self.id, HandlerFailed(f"the handler failed: {type(e).__name__}"))
        finally:
            self._in_hand -= 1
        peer.answer(cell, data)

    async def _run(self, request: Request) -> Payload:
        if inspect.iscoroutinefunction(self.handler):
            task: asyncio.Future[Any] = self._loop.create_task(self.handler(request))
        else:
            await self._free.acquire()
            task = self._in_thread(request)
        done, _ = await asyncio.wait({task}, timeout=self.job_timeout)
        if not done:
            task.cancel()
            raise HandlerTimeout(f"the handler took longer than {self.job_timeout:g} s")
        given = task.result()
        if not isinstance(given, (str, bytes)):
            raise TypeError(f"the handler returned {type(given).__name__}, not str or bytes")
        return given

    def _in_thread(self, request: Request) -> asyncio.Future[Any]:
        """The thread is taken until the handler returns, in time or not."""
        future: asyncio.Future[Any] = self._loop.create_future()

        def done(given: Any, error: Optional[BaseException]) -> None:
            self._free.release()
            if future.done():
                return
            if error is not None:
                future.set_exception(error)
            else:
                future.set_result(given)

        def job() -> None:
            given, error = None, None
            try:
                given = self.handler(request)
            except Exception as e:
                error = e if not isinstance(e, StopIteration) else RuntimeError("StopIteration")
            with contextlib.suppress(RuntimeError):  # the loop has ended
                self._loop.call_soon_threadsafe(done, given, error)

        self._threads.jobs.put(job)
        return future

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(1)
            for peer in list(self._peers):
                peer.look(time.monotonic(), self.peer_timeout)

    # Its end.

    async def stop(self) -> None:
        """Takes leave of the proxies, answers what is in hand, and ends: within stop_timeout, and the proxies' time for it."""
        self._leaving.set()
        if self._joining:
            _, late = await asyncio.wait(self._joining, timeout=2 * self.ack_timeout + 1)
            for task in late:
                task.cancel()
        self._listener.close()
        deadline = time.monotonic() + self.stop_timeout
        while self._peers and time.monotonic() < deadline:
            self._last = time.monotonic() > deadline - 0.5
            now = time.monotonic()
            for peer in list(self._peers):
                if not peer.answers and not peer.frames.partial() and now - peer.heard >= 0.05:
                    self._part(peer)
            await asyncio.sleep(0.01)
        for peer in list(self._peers):
            if peer.transport is not None:
                peer.transport.abort()
        for task in list(self._tasks):
            task.cancel()
        self._sweeper.cancel()
        self._threads.stop()
        if self.listen.path.startswith("/"):
            with contextlib.suppress(OSError):
                os.unlink(self.listen.path)
        await asyncio.sleep(0)

    def _part(self, peer: _Peer) -> None:
        """Where a request may not be repeated, it is said that what was not answered was not run."""
        if peer.ended or peer.transport is None:
            return
        peer.ended = True
        if not self.repeatable and not self.plain:
            peer.transport.write(_error({}, self.id, ShuttingDown("the server has ended")))
        peer.transport.close()

    async def __aenter__(self) -> Server:
        return await self.start()

    async def __aexit__(self, *_: object) -> None:
        await self.stop()


class _Registrar:
    """Keeps a server registered with one proxy: joins, renews within the lease, leaves."""

    def __init__(self, server: Server, place: _Place) -> None:
        self.server, self.place = server, place
        self.state = "connecting"
        self.settled = self.acked = False  # acked: it is a proxy that acknowledges
        self.numbers = False  # what is announced next is so in numbers
        self.key, self.tries = 0, 0
        self.retryafter = 0.0

    def _set(self, state: str, settled: bool = False) -> None:
        if state != self.state:
            (_log.info if settled or self.state == "connecting" else _log.warning)("proxy %s: %s", self.place.text, state)
        self.state, self.settled = state, settled
        self.server._changed.set()

    async def run(self) -> None:
        server = self.server
        while not server._leaving.is_set():
            self.retryafter = pause = 0.0
            try:
                pause = await self._join()
            except (Error, OSError, ValueError, asyncio.TimeoutError, EOFError) as e:
                plain = not self.acked and server.signer is None and server.revproc_tls is None and isinstance(e, _Unacknowledged)
                if plain and self.numbers:  # nor was it acknowledged in these
                    self.numbers, pause = False, 60.0
                    self._set("announced", True)
                elif plain:
                    self.numbers, pause = True, 0.001
                else:
                    self.numbers = False
                    self._set(_why(e) if isinstance(e, OSError) else str(e) or "no acknowledgement in time")
                    pause = self.retryafter + _pause(self.tries, 0.2, 3.0)
                    self.tries += 1
            if pause > 0:
                with contextlib.suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(server._leaving.wait(), pause)

    async def _join(self) -> float:
        """One connection, from its beginning to its end, and then the pause before the next."""
        talk = await self._connect()
        try:
            await self._say(talk, "1")
            self.tries, self.acked = 0, True
            self._set("joined", True)
            since = time.monotonic()
            while not await self._leaves(talk):
                if talk.ended:  # a worker of the proxy that ends closes what it holds; its successor is there already
                    if time.monotonic() - since < 1.0:
                        raise EOFError("the proxy closed the connection")
                    return 0.001
                await self._say(talk, "1")
            with contextlib.suppress(Error, OSError, ValueError, asyncio.TimeoutError, EOFError):
                await self._say(talk, "5")
            return 0.0
        finally:
            talk.close()

    async def _leaves(self, talk: _Talk) -> bool:
        """Waits until it is time to renew, or to leave; is it the latter?"""
        if self.server.plain:
            seconds = 60.0
        else:
            seconds = self.server.lease / 3 + random.uniform(0, self.server.lease / 6)
        waits = [asyncio.ensure_future(self.server._leaving.wait()), asyncio.ensure_future(talk.end.wait())]
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for w in waits:
            w.cancel()
        return self.server._leaving.is_set()

    async def _connect(self) -> _Talk:
        server, why = self.server, "it has no address"
        for a in await _resolve(self.place, server.ack_timeout):
            try:
                talk = await asyncio.wait_for(_connect(a, server.revproc_tls, _Talk), 3.0)
                assert isinstance(talk, _Talk)
                return talk
            except (OSError, asyncio.TimeoutError) as e:
                why = _why(e)
        raise Unreachable(why)

    async def _say(self, talk: _Talk, kind: str) -> None:
        """Announces or takes leave, signed where there is a key; raises whatever is no acknowledgement."""
        server, signer = self.server, self.server.signer
        packet = server._announcement(talk.own())
        if kind == "5":
            packet = {"type": "5", "id": server.id, "privPolyId": server.policy, "ack": "1"}
        if self.numbers:
            packet.update(type=int(kind), listenport=int(packet.get("listenport", 0)))
        if signer is None:
            await self._acknowledged(talk, packet)
            return
        packet.update(keyid=signer.keyid, epoch=str(signer.epoch))
        if not talk.nonce:
            ack = await self._acknowledged(talk, packet)
            talk.nonce = _hex(ack, "nonce", 32)
            if ack.get("verb") != "challenge" or not talk.nonce:
                raise ProtocolError("the proxy answers no challenge: it takes no signed registration")
        key = signer.keys[self.key % len(signer.keys)]
        packet["salt"] = secrets.token_hex(16)
        packet["mac"] = registration_mac(key, signer.cluster, packet, talk.nonce)
        talk.nonce = ""
        ack = await self._acknowledged(talk, packet)
        nonce, verb = _hex(ack, "nonce", 32), _scalar(ack, "verb")
        if not verb or not hmac.compare_digest(_hex(ack, "mac", 64), acknowledgement_mac(key, packet["mac"], verb, nonce)):
            raise ProtocolError("the proxy did not prove that it has the key")
        talk.nonce = nonce

    async def _acknowledged(self, talk: _Talk, packet: Packet) -> Packet:
        try:
            ack = await asyncio.wait_for(talk.ask(packet), self.server.ack_timeout)
        except (asyncio.TimeoutError, EOFError, ValueError, ConnectionError) as e:
            raise _Unacknowledged(str(e) or "no acknowledgement in time") from None
        kind = _scalar(ack, "type")
        if kind == "4":
            return ack
        if kind != "3":
            raise _Unacknowledged("the proxy answered what is no packet")
        refused = _refusal(ack)
        self.retryafter = min(60.0, (refused.retryafter or 0) / 1000)
        if isinstance(refused, Denied) and "mac" in packet:
            self.key += 1  # the next key, if there is another
        raise refused


class _Unacknowledged(ProtocolError):
    """Maybe by a proxy of another kind."""


def _hex(packet: Packet, key: str, digits: int) -> str:
    text = _scalar(packet, key)
    return text if re.fullmatch(f"[0-9a-f]{{{digits}}}", text) else ""


class _Talk(asyncio.Protocol):
    """A connection to a proxy, for announcements."""

    def __init__(self) -> None:
        self.frames, self.nonce = _Frames(65536), ""
        self.transport: Optional[asyncio.Transport] = None
        self.end = asyncio.Event()
        self.answer: Optional[asyncio.Future[Packet]] = None

    @property
    def ended(self) -> bool:
        return self.end.is_set()

    def own(self) -> str:
        """Our end of it, as others reach this machine."""
        assert self.transport is not None
        name = self.transport.get_extra_info("sockname")
        return str(name[0]) if isinstance(name, tuple) else "127.0.0.1"

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.frames.buf += data
        try:
            packet = self.frames.next()
        except ValueError:
            self._fail(ValueError("the proxy answered what is no packet"))
            return
        if packet is None:
            return
        if self.answer is None or self.answer.done():
            self._fail(ValueError("the proxy said what it was not asked"))
        else:
            self.answer.set_result(packet)

    def connection_lost(self, error: Optional[Exception]) -> None:
        self._fail(EOFError("the proxy closed the connection"))

    def _fail(self, error: Exception) -> None:
        self.end.set()
        if self.answer is not None and not self.answer.done():
            self.answer.set_exception(error)
        self.close()

    async def ask(self, packet: Packet) -> Packet:
        if self.transport is None or self.ended:
            raise EOFError("the proxy closed the connection")
        self.answer = asyncio.get_running_loop().create_future()
        self.transport.write(json.dumps(packet, ensure_ascii=False).encode() + b"\n")
        return await self.answer

    def close(self) -> None:
        if self.transport is not None:
            self.transport.abort()


def serve(handler: Handler, *, ready: Optional[Callable[[Server], None]] = None, **options: Any) -> None:
    """Runs a Server until INT or TERM, and stops it gracefully; ready is called once it is registered everywhere.  A
    second signal ends it at once."""

    async def run() -> None:
        loop, stop = asyncio.get_running_loop(), asyncio.Event()

        def told() -> None:
            if stop.is_set():
                os._exit(1)
            stop.set()

        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.add_signal_handler(number, told)
        async with Server(handler, **options) as server:
            stopped = loop.create_task(stop.wait())
            while not stopped.done():
                with contextlib.suppress(Unreachable):
                    await _first(server.joined(3600.0), stopped)
                    break
            if ready is not None and not stopped.done():
                ready(server)
            await stopped

    asyncio.run(run())


async def _first(what: Awaitable[None], other: asyncio.Task[Any]) -> None:
    """Awaits the one unless the other is done before."""
    task = asyncio.ensure_future(what)
    await asyncio.wait({task, other}, return_when=asyncio.FIRST_COMPLETED)
    if task.done():
        task.result()
    else:
        task.cancel()
