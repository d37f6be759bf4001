"""The ingest server, ``farmwatch serve``: HTTP in, rows in the store, acknowledged only when they are durable.

May import ``errors``, ``records``, ``collectors``, ``store``, ``reports``, ``engine``, ``intake`` and ``api``; it and
the web stack are loaded by ``farmwatch serve`` alone.

The way of a body: :mod:`~farmwatch.server.protocol` (bounded connections) → :class:`~farmwatch.server.gate.Guard`
(token) → a door → :func:`~farmwatch.server.bodies.read_body` (limits, unpacking) →
:meth:`~farmwatch.server.ingest.Ingest.accept` (feed, then :mod:`~farmwatch.server.log`) → answer; later
:mod:`~farmwatch.server.committing` (store).

How to write a door
===================
A door is a file in ``doors/`` that ends with a :class:`~farmwatch.server.doors.contract.Door`, and one line in
``doors/__init__.py``. ``doors/lines.py`` is the shortest one::

    def _router(service: Service) -> APIRouter:
        router = APIRouter(prefix="/v1/ingest")

        @router.post("/{kind}")
        async def ingest(kind: str, request: Request) -> dict[str, Any]:
            service.ingest.feed(kind)                                  # Refusal 404: no such kind
            service.gate.let_pass(request.state.token, kind)           # Refusal 403: token for other kinds
            service.ingest.log.check()                                 # Refusal 503: no use reading the body
            body = await read_body(request, service)                   # bytes, unpacked, UTF-8; Refusal 4xx
            facts = Facts(request.state.request, f"POST /v1/ingest/{kind}")
            receipt = await service.ingest.accept(kind, body, request.state.sender, facts)
            return receipt.answer()

        return router

    LINES = Door("lines", _router, ("/v1/ingest",))

What holds:

* ``await service.ingest.accept(kind, body, sender, facts) -> Receipt``: when it returns, the rows are durable. It may
  be called several times for one request, also together (``asyncio.gather``: one fsync for all); where one fails,
  refuse the request: what the others kept is dropped as duplicates when the sender repeats it. ``body`` is bytes as the
  kind's feed reads them from a file, so a door that unwraps something joins its documents with newlines. The receipt
  has ``records, used, rejected, faults, unneeded, dropped, rows, error, sequence, accepted_at``; ``faults`` names
  records by their number in the body, from 1; ``answer()`` is the JSON of the plain door.
* ``read_body(request, service, limit=None)`` obeys every limit and charges the sender's rate. ``chunks_of`` is the same
  for bodies that must not be in memory. Work of over a millisecond goes through ``await service.ingest.work(f, *a)``.
* ``request.state.request`` is the request's id, ``request.state.sender`` the token's name, ``request.state.token`` the
  ``Sender``. The gate takes tokens as ``Bearer T``, ``Splunk T``, ``Basic base64(name:T)`` and ``ApiKey base64(id:T)``.
* Every path needs a token but ``/healthz`` and the whole paths in ``Door.own_check``. Such a handler must check by
  itself: ``await service.gate.holder(token) -> Sender | None``, or ``service.state.enrolled(node_key)`` (through
  ``asyncio.to_thread``: it opens a file) before it does anything else, with a small ``limit`` for the body it must read
  to find out, ``service.gate.check_rate(name)`` and ``service.gate.charge(name, len(body))`` for whom it found.
* Anything wrong is ``raise Refusal(status, detail, reason=word, retry_s=…)``. ``Door.refuse`` words it for the door's
  clients, also what the gate refuses below ``Door.prefixes``; use ``headers_of(refusal)`` for the headers.
* ``service.metrics.requests`` and the ingest counters count by themselves.
"""

from __future__ import annotations
