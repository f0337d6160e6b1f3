"""A real S3 server on loopback: moto's, an emulation that speaks the protocol.

It runs in a thread of the tests' process, can be stopped and started again with what it
holds, and can lose an answer on the way.
"""

import logging
import os
import socket
import socketserver
import threading
import warnings

BUCKET = "studies"
KEY, SECRET = "AKIAEXAMPLEOFTESTS00", "secret-of-tests-7f3a9c51e2"


class Server:
    """The server, what clients need to find it, and a bucket."""

    def __init__(self):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from moto.server import ThreadedMotoServer

        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self._make = ThreadedMotoServer
        self._port = 0
        self.start()
        self.url = f"http://127.0.0.1:{self._port}"
        self.environment = {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }

    def start(self) -> None:
        self._moto = self._make("127.0.0.1", self._port, verbose=False)
        self._moto.start()
        self._port = self._moto.get_host_and_port()[1]

    def stop(self) -> None:
        self._moto.stop()


class Proxy(socketserver.ThreadingTCPServer):
    """Passes requests on; of the first put on a condition the answer is lost."""

    allow_reuse_address = daemon_threads = True

    def __init__(self, server: Server):
        super().__init__(("127.0.0.1", 0), _Passing)
        self.server = server
        self.lost: list[bytes] = []
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        threading.Thread(target=self.serve_forever, daemon=True).start()


class _Passing(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        with socket.create_connection(("127.0.0.1", self.server.server._port)) as there:
            request = _request(self.request)
            there.sendall(request)
            answer = b"".join(iter(lambda: there.recv(65536), b""))
        head = request.partition(b"\r\n\r\n")[0].lower()
        if b"if-none-match: *" in head and not self.server.lost:
            self.server.lost.append(answer.partition(b"\r\n")[0])
            return
        self.request.sendall(answer)


def _request(client: socket.socket) -> bytes:
    """Read one request; the server closes the connection after its answer."""
    data = b""
    while b"\r\n\r\n" not in data:
        if not (more := client.recv(65536)):
            return data
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    fields = dict(line.lower().split(b": ", 1) for line in lines[1:])
    if fields.get(b"expect") == b"100-continue":
        client.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
    left = int(fields.get(b"content-length", b"0")) - len(body)
    while left > 0 and (more := client.recv(65536)):
        body, left = body + more, left - len(more)
    kept = [
        line
        for line in lines
        if not line.lower().startswith((b"connection:", b"expect:"))
    ]
    return b"\r\n".join([*kept, b"Connection: close", b"", body])
