# A stand-in for the server of the py-unix-socket document, which describes it without showing it.
# Usage: line_server.py [ADDRESS [ack|ack=TEXT] [broadcast]]
import os
import socketserver
import sys
import threading

address = sys.argv[1] if len(sys.argv) > 1 else "/tmp/unix_socket.sock"
acks = [word for word in sys.argv[2:] if word.startswith("ack")]
ack = (acks[0][4:] + "\n" if acks[0] != "ack" else "__ACK__\n") if acks else ""
broadcast = "broadcast" in sys.argv[2:]
clients = {}
lock = threading.Lock()


class Handler(socketserver.StreamRequestHandler):
    def setup(self):
        super().setup()
        with lock:
            clients[self] = self.wfile

    def handle(self):
        for payload in self.rfile:
            if payload == b"exit\n":
                return
            print(payload.decode(), end="", flush=True)
            if ack:
                self.wfile.write(ack.encode())
            if broadcast:
                with lock:
                    for client, out in clients.items():
                        if client is not self:
                            out.write(payload)

    def finish(self):
        with lock:
            del clients[self]
        super().finish()


class Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True


if os.path.exists(address):
    os.remove(address)
with Server(address, Handler) as server:
    server.serve_forever()
