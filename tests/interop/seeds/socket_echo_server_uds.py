# After the transcript of the document "Unix Domain Sockets": an echo in pieces of 16 bytes.
import contextlib
import os
import socket

address = "./uds_socket"

# The node outlives the server that made it.
with contextlib.suppress(FileNotFoundError):
    os.unlink(address)

listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
print("starting up on", address)
listener.bind(address)
listener.listen(1)

while True:
    print("waiting for a connection")
    connection, peer = listener.accept()
    with connection:
        print("connection from", peer)
        while True:
            data = connection.recv(16)
            print("received", data)
            if not data:
                print("no data from", peer)
                break
            print("sending data back to the client")
            connection.sendall(data)
