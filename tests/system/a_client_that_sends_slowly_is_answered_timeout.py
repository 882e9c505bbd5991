"""A packet that was begun must be whole within client_send_timeout, however often a byte of it comes; between packets
nobody is hurried."""
import threading
from lib.bench import Bench, Peer, correct, ctl, request, still_serves, wait_until

with Bench() as b:
    proxy = b.proxy(options=["--client-send-timeout", "400ms", "--narrate", "no"])
    b.server("1", "111", proxy)
    with Peer(proxy) as patient, Peer(proxy) as slow, Peer(proxy) as drip:
        assert correct(patient.ask(request()))
        assert correct(slow.ask(request("whole")), "whole")
        slow.send(request()[:30])
        done = threading.Event()

        def dripping():
            for byte in request("x" * 2000):
                try:
                    drip.send(bytes([byte]))
                except OSError:
                    return
                if done.wait(0.02):
                    return

        thread = threading.Thread(target=dripping)
        thread.start()
        for p in (slow, drip):
            got = p.read()
            assert got["code"] == "timeout" and "client_send_timeout is 400ms" in got["message"], got
            still_serves(proxy)
        done.set()
        thread.join()
        assert slow.closed()
        assert correct(patient.ask(request("later")), "later"), "a client that has sent nothing was hurried"
        status = ctl(proxy.socket, "status")
        assert status["timeouts"]["client_send"] == 2 and status["refused"]["timeout"] == 2, status
