"""A TCP proxy that loses the server's answers on its first connections."""

import contextlib
import socket
import threading


class LossyProxy:
    """Forwards everything, but closes the first `losses` connections when the answer arrives."""

    def __init__(self, port: int, losses: int = 1) -> None:
        self._target, self._losses = port, losses
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.lost = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.create_connection(("127.0.0.1", self._target))
                loses = self._losses > 0
                self._losses -= 1
                threading.Thread(target=self._forward, args=(near, far), daemon=True).start()
                threading.Thread(target=self._answer, args=(far, near, loses), daemon=True).start()

    def _forward(self, near, far) -> None:
        with contextlib.suppress(OSError):
            while data := near.recv(65536):
                far.sendall(data)
            far.shutdown(socket.SHUT_WR)

    def _answer(self, far, near, loses) -> None:
        with contextlib.suppress(OSError):
            while data := far.recv(65536):
                if loses:
                    self.lost += 1
                    break
                near.sendall(data)
        for end in (near, far):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
