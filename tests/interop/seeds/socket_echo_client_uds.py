# After the transcript of the document "Unix Domain Sockets": sends at once, receives in pieces.
import socket
import sys

address = "./uds_socket"
message = b"This is the message.  It will be repeated."

client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
print("connecting to", address)
try:
    client.connect(address)
except OSError as problem:
    print(problem)
    sys.exit(1)

try:
    print("sending", message)
    client.sendall(message)
    left = len(message)
    while left > 0:
        data = client.recv(16)
        left -= len(data)
        print("received", data)
finally:
    print("closing socket")
    client.close()
