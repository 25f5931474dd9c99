"""A site by Python's http.server: the files of a folder, and bodies sent back in every framing. Tells its port."""

import functools
import sys
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer


class Site(SimpleHTTPRequestHandler):
    def do_POST(self):
        body = self.body()
        self.send_response(200)
        chunks = self.path == "/chunked" and self.protocol_version == self.request_version == "HTTP/1.1"
        if self.path == "/length":
            self.send_header("Content-Length", str(len(body)))
        elif chunks:
            self.send_header("Transfer-Encoding", "chunked")
        else:
            self.send_header("Connection", "close")
        self.end_headers()
        if chunks:
            for at in range(0, len(body), 10_000):
                piece = body[at : at + 10_000]
                self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            self.wfile.write(b"0\r\n\r\n")
        else:
            self.wfile.write(body)

    do_PUT = do_POST

    def body(self):
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        pieces = []
        while size := int(self.rfile.readline(), 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline() != b"\r\n":
            pass
        return b"".join(pieces)

    def log_message(self, *_):
        pass


Site.protocol_version = sys.argv[1]
server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Site, directory=sys.argv[2]))
server.daemon_threads = True
print(server.server_address[1], flush=True)
server.serve_forever()
