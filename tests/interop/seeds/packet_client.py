import socket
import sys

ADDRESS = "/tmp/9Lq7BNBnBycd6nxy.socket"

sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)

sock.connect(ADDRESS)
sock.send(b"SEND")

len_data_bytes = sock.recv(4)
len_data = int.from_bytes(len_data_bytes, sys.byteorder, signed=True)
print(len_data)

data = sock.recv(len_data)
print(data.decode())
