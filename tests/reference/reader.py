"""Reads streams of bytes with h11 and says what it made of them: a line of JSON in, a line of JSON out."""
import json
import sys

import h11

# A head or a chunk's dress may be as large as ours.
LIMIT = 16 * 1024


def framing(message, asked):
    """What h11 decides by, said anew: it keeps its decision to itself. It drops a length beside a coding."""
    fields = dict(message.headers)
    if isinstance(message, h11.Response):
        if message.status_code in (204, 304) or asked == "HEAD":
            return "none"
        if message.http_version < b"1.1" and b"transfer-encoding" not in fields and b"content-length" not in fields:
            return "close"
    if b"transfer-encoding" in fields:
        return "chunked"
    if b"content-length" in fields:
        return "length " + fields[b"content-length"].decode("latin1")
    return "close" if isinstance(message, h11.Response) else "none"


def reader(case):
    if case["asked"] is None:
        return h11.Connection(h11.SERVER, max_incomplete_event_size=LIMIT)
    connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=LIMIT)
    connection.send(h11.Request(method=case["asked"], target="/", headers=[("Host", "a")]))
    connection.send(h11.EndOfMessage())
    return connection


def answer(connection):
    """A server of h11 reads no second request before the first was answered. False: the connection ends."""
    if connection.our_state is h11.SEND_RESPONSE:
        connection.send(h11.Response(status_code=404, headers=[("Content-Length", "0")]))
        connection.send(h11.EndOfMessage())
    if connection.our_state is not h11.DONE or connection.their_state is not h11.DONE:
        return False
    connection.start_next_cycle()
    return True


def read(case):
    connection = reader(case)
    messages, ending, why = [], "more", ""
    data = bytes.fromhex(case["bytes"])
    if data:
        connection.receive_data(data)
    ended = False
    try:
        while True:
            event = connection.next_event()
            if event is h11.NEED_DATA:
                # All there will be has come: that ends one kind of body.
                if case["asked"] is None or ended or not messages or messages[-1]["framing"] != "close":
                    break
                connection.receive_data(b"")
                ended = True
            elif isinstance(event, (h11.Request, h11.Response, h11.InformationalResponse)):
                start = event.method.decode() if isinstance(event, h11.Request) else str(event.status_code)
                interim = isinstance(event, h11.InformationalResponse)
                how = "none" if interim else framing(event, case["asked"])
                messages.append({"start": start, "framing": how, "body": "", "complete": interim})
            elif isinstance(event, h11.Data):
                messages[-1]["body"] += bytes(event.data).hex()
            elif isinstance(event, h11.EndOfMessage):
                messages[-1]["complete"] = True
                if case["asked"] is not None or not answer(connection):
                    ending = "done"
                    why = "HTTP/1.0 is over" if case["asked"] is None and connection.their_http_version < b"1.1" else ""
                    break
                if not connection.trailing_data[0]:
                    ending = "done"
                    break
            else:  # paused, or closed
                ending = "done"
                break
    except h11.RemoteProtocolError as error:
        return {"messages": messages, "ending": "refused", "why": str(error), "left": 0}
    left = len(connection.trailing_data[0]) if ending == "done" else 0
    return {"messages": messages, "ending": ending, "why": why, "left": left}


for line in sys.stdin:
    print(json.dumps(read(json.loads(line))), flush=False)
