"""Writing down what passes an interface, in a file that tshark reads."""

import contextlib
import socket
import struct
import threading
import time

_ETH_P_ALL = 3
_LINKTYPE_ETHERNET = 1
_BIGGEST = 65535


@contextlib.contextmanager
def capture(place, interface, path):
    """Captures both directions from before the block starts until all of it has been read."""
    with place.inside():
        tap = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_ALL))
    tap.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    tap.bind((interface, _ETH_P_ALL))
    tap.settimeout(0.1)
    over = threading.Event()

    latest = 0.0

    def write_down():
        with open(path, "wb") as file:
            file.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, _BIGGEST,
                                   _LINKTYPE_ETHERNET))
            while True:
                try:
                    frame = tap.recv(_BIGGEST)
                except TimeoutError:
                    if over.is_set():
                        return
                    continue
                if over.is_set() and time.monotonic() > latest:
                    return  # on a wire that never rests
                now = time.time()
                file.write(struct.pack("<IIII", int(now), int(now % 1 * 1e6), len(frame),
                                       len(frame)) + frame)

    writer = threading.Thread(target=write_down)
    writer.start()
    try:
        yield
    finally:
        latest = time.monotonic() + 2
        over.set()
        writer.join()
        tap.close()
