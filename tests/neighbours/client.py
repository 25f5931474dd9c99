"""A client by Python's http.client: asks the site at HOST PORT for everything and tells what it heard, a line each."""

import hashlib
import http.client
import sys

PASSING = {"connection", "keep-alive", "date", "transfer-encoding"}
BODY = bytes(range(256)) * 5000


def ask(client, method, target, **how):
    client.request(method, target, headers={"Host": "test"} | how.pop("headers", {}), **how)
    answer = client.getresponse()
    body = answer.read()
    fields = [field for field in answer.getheaders() if field[0].lower() not in PASSING]
    if client._http_vsn == 10:
        client.close()  # http.server does not say so, but closes
    print(method, target, answer.status, answer.reason, fields, len(body), hashlib.sha256(body).hexdigest())


def pieces():
    for at in range(0, len(BODY), 7777):
        yield BODY[at : at + 7777]


def everything(client):
    ask(client, "GET", "/file.bin")
    ask(client, "HEAD", "/file.bin")
    for target in ["/length", "/chunked", "/close"]:
        ask(client, "POST", target, body=BODY)
        ask(client, "PUT", target, body=b"")
        if client._http_vsn == 11:
            ask(client, "POST", target, body=pieces(), encode_chunked=True, headers={"Transfer-Encoding": "chunked"})
    ask(client, "GET", "/nowhere")


class Old(http.client.HTTPConnection):
    _http_vsn, _http_vsn_str = 10, "HTTP/1.0"


for kind in [http.client.HTTPConnection, Old]:
    if kind is Old and "new" in sys.argv:
        continue
    client = kind(sys.argv[1], int(sys.argv[2]), timeout=30)
    everything(client)
    client.close()
