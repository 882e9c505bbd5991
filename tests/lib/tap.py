"""Listens, passes on what comes to a port and back, and keeps the objects of both directions."""
import json
import socket
import threading

from lib import plain


class Tap:
    def __init__(self, port):
        self.to, self.objects, self.lock = getattr(port, "port", port), [], threading.Lock()
        self.socket = plain.listen()
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                here, _ = self.socket.accept()
            except OSError:
                return
            there = plain.connect(self.to)
            for a, b in ((here, there), (there, here)):
                threading.Thread(target=self._pass_on, args=(a, b), daemon=True).start()

    def _pass_on(self, a, b):
        text = ""
        try:
            while data := a.recv(65536):
                text = self._keep(text + data.decode())
                b.sendall(data)
            b.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def _keep(self, text):
        while text := text.lstrip():
            try:
                packet, end = json.JSONDecoder().raw_decode(text)
            except ValueError:
                break
            with self.lock:
                self.objects.append(packet)
            text = text[end:]
        return text

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
