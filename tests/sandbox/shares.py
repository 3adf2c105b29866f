"""Code that uses up what Linux counts by user, or takes memory that it counts for nobody."""

from __future__ import annotations

from autograder.maintain.threats.attack import source

ATTACKS = {
    "descriptors": source("""
        import os, socket
        kept, null = [], os.open("/dev/null", os.O_RDONLY)
        try:
            while True:
                a, b = socket.socketpair()
                kept += [a, b]
                for _ in range(200):
                    a.setblocking(False)
                    socket.send_fds(a, [b"x"], [null] * 250)
        except OSError:
            pass
        while True:
            try:
                socket.send_fds(kept[0], [b"x"], [null] * 250)
            except OSError:
                break
    """),
    "descriptors-in-sockets": source("""
        import os, socket
        null = os.open("/dev/null", os.O_RDONLY)
        outer, far = socket.socketpair()
        try:
            for _ in range(100):
                a, b = socket.socketpair()
                socket.send_fds(a, [b"x"], [null] * 250)
                socket.send_fds(outer, [b"x"], [b.fileno()])
                a.close()
                b.close()
        except OSError:
            pass
    """),
    "watches": source("""
        import os, select
        pipes = [os.pipe() for _ in range(90)]
        kept = []
        try:
            while True:
                poll = select.epoll()
                kept.append(poll)
                for pair in pipes:
                    for end in pair:
                        poll.register(end, select.EPOLLIN)
        except OSError:
            pass
        for _ in range(200):
            try:
                if os.fork() == 0:
                    for _ in range(300):
                        poll = select.epoll()
                        kept.append(poll)
                        for pair in pipes:
                            poll.register(pair[0], select.EPOLLIN)
                    import time
                    time.sleep(30)
                    os._exit(0)
            except OSError:
                break
    """),
    "inotify": source("""
        import ctypes
        libc = ctypes.CDLL(None, use_errno=True)
        print([libc.inotify_init1(0) for _ in range(200)][-1])
    """),
    "terminals": source("""
        import os
        kept = []
        try:
            while True:
                kept.append(os.openpty())
        except OSError as error:
            print(error)
    """),
    "pipes": source("""
        import fcntl, os
        kept = []
        try:
            while True:
                pair = os.pipe()
                kept.append(pair)
                os.set_blocking(pair[1], False)
                os.write(pair[1], b"x" * 65536)
                fcntl.fcntl(pair[1], 1031, 2**20)
        except OSError as error:
            print(error)
        for _ in range(100):
            if os.fork() == 0:
                try:
                    while True:
                        kept.append(os.pipe())
                except OSError:
                    import time
                    time.sleep(30)
                    os._exit(0)
    """),
    "locks": source("""
        import fcntl
        file = open("locked", "wb")
        try:
            for at in range(0, 2_000_000, 2):
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, at)
        except OSError as error:
            print(error)
    """),
    "mappings": source("""
        import mmap, os, time
        for _ in range(40):
            if os.fork() == 0:
                kept = []
                try:
                    while True:
                        kept.append(mmap.mmap(-1, 4096, prot=1 + len(kept) % 2 * 2))
                except OSError:
                    time.sleep(30)
                    os._exit(0)
    """),
}
ENDED = {  # what ends a hand-in that goes on; the others are refused what they ask for
    "descriptors": "descriptors on their way through sockets",
    "descriptors-in-sockets": "descriptors on their way through sockets",
    "watches": "watches of epoll",
    "pipes": "pipes",
    "terminals": "terminals",
    "locks": "locks of files",
    "mappings": "mappings of memory",
}
