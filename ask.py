import socket, sys, time
kind, host, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
for _ in range(600):
    try:
        s = socket.socket(socket.AF_INET, socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM)
        s.settimeout(60)
        s.connect((host, port))
        s.send(b"hello")
        print(s.recv(200).decode())
        break
    except ConnectionRefusedError:
        time.sleep(0.1)
