# After the transcript of the document "Unix Domain Sockets": a parent and its child.
import os
import socket

parent, child = socket.socketpair()

if os.fork():
    print("in parent, sending message")
    child.close()
    parent.sendall(b"ping")
    print("response from child:", parent.recv(1024))
    parent.close()
    os.wait()
else:
    print("in child, waiting for message")
    parent.close()
    print("message from parent:", child.recv(1024))
    child.sendall(b"pong")
    child.close()
