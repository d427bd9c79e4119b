import socket, sys
kind, port, bind = sys.argv[1], int(sys.argv[2]), sys.argv[3]
s = socket.socket(socket.AF_INET, socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM)
s.bind((bind, port))
if kind == "tcp":
    s.listen(5)
    c, peer = s.accept()
    c.sendall(b"from inside to " + peer[0].encode() + b": " + c.recv(100))
    c.close()
else:
    data, peer = s.recvfrom(100)
    s.sendto(b"from inside to " + peer[0].encode() + b": " + data, peer)
