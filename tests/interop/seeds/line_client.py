# The client of the py-unix-socket document: connect, send and receive, exit request.
import socket

client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
client.connect("/tmp/unix_socket.sock")

message = "foobar\n"
client.send(message.encode())

r = client.recv(1024)
print ( 'Received :', r.decode())

message = "exit\n"
client.send(message.encode())
