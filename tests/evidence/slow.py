"""Senders that take their time: a byte now and then, on raw sockets."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.serving import Server


@contextmanager
def slow_uploads(server: Server, token: str, count: int) -> Iterator[list[bytes]]:
    """Keep `count` uploads under way, each a byte every 50 ms; yield what they were answered."""
    stop, answers = threading.Event(), []
    head = (
        "POST /ingest/v1/evidence/ HTTP/1.1\r\n"
        f"Host: 127.0.0.1:{server.port}\r\n"
        f"Authorization: Bearer {token}\r\n"
        "Content-Type: multipart/form-data; boundary=bound\r\n"
        "Content-Length: 1000000\r\n\r\n"
        "--bound\r\n"
        'Content-Disposition: form-data; name="files"; filename="slow.txt"\r\n\r\n'
    )

    def send() -> None:
        with socket.create_connection(("127.0.0.1", server.port), timeout=30) as line:
            line.sendall(head.encode())
            line.settimeout(0.05)
            while not stop.is_set():
                try:
                    line.sendall(b"x")
                    if said := line.recv(4096):
                        answers.append(said)
                        return
                except TimeoutError:
                    continue
                except OSError:
                    return

    threads = [threading.Thread(target=send) for _ in range(count)]
    for thread in threads:
        thread.start()
    try:
        yield answers
    finally:
        stop.set()
        for thread in threads:
            thread.join()
