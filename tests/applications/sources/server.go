// What go_net.sh runs: a net/http server and its clients in one program, over loopback. With an address,
// such as :8000, as its argument it serves there, and who asks is outside.
package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

func serve(address string) (string, *http.Server) {
	mux := http.NewServeMux()
	mux.HandleFunc("/square", func(w http.ResponseWriter, r *http.Request) {
		n, _ := strconv.Atoi(r.URL.Query().Get("n"))
		fmt.Fprint(w, n*n)
	})
	mux.HandleFunc("/big", func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, strings.Repeat("casemate", 1<<17))
	})
	mux.HandleFunc("/command", func(w http.ResponseWriter, r *http.Request) {
		command := exec.Command("cat")
		command.Stdin = r.Body
		command.Stdout = w
		if err := command.Run(); err != nil {
			fmt.Fprint(w, err)
		}
	})
	listener, err := net.Listen("tcp", address)
	if err != nil {
		panic(err)
	}
	server := &http.Server{Handler: mux}
	go server.Serve(listener)
	return "http://" + listener.Addr().String(), server
}

func get(client *http.Client, url string) string {
	response, err := client.Get(url)
	if err != nil {
		return err.Error()
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(response.Body)
	return string(body)
}

// 50 clients at once, 100 requests each, over connections that are kept.
func load(base string) {
	var right int64
	var group sync.WaitGroup
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 50}}
	for i := 0; i < 50; i++ {
		group.Add(1)
		go func(i int) {
			defer group.Done()
			for n := i * 100; n < i*100+100; n++ {
				if get(client, fmt.Sprint(base, "/square?n=", n)) == fmt.Sprint(n*n) {
					atomic.AddInt64(&right, 1)
				}
			}
		}(i)
	}
	group.Wait()
	fmt.Println("right answers", right)
}

// 200 connections that are open at the same time; each then carries one message both ways.
func connections() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	go func() {
		for {
			peer, err := listener.Accept()
			if err != nil {
				return
			}
			go func() { io.Copy(peer, peer); peer.Close() }()
		}
	}()
	var open []net.Conn
	for i := 0; i < 200; i++ {
		peer, err := net.Dial("tcp", listener.Addr().String())
		if err != nil {
			fmt.Println("connection", i, err)
			return
		}
		open = append(open, peer)
	}
	echoed := 0
	for i, peer := range open {
		text := fmt.Sprintf("message %d", i)
		io.WriteString(peer, text)
		peer.(*net.TCPConn).CloseWrite()
		back, _ := io.ReadAll(peer)
		if string(back) == text {
			echoed++
		}
		peer.Close()
	}
	listener.Close()
	fmt.Println("echoed", echoed)
}

func deadline() {
	listener, _ := net.Listen("tcp", "127.0.0.1:0")
	peer, _ := net.Dial("tcp", listener.Addr().String())
	peer.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
	_, err := peer.Read(make([]byte, 1))
	timeout, ok := err.(net.Error)
	fmt.Println("deadline", ok && timeout.Timeout())
	address := listener.Addr().String()
	listener.Close()
	_, err = net.Dial("tcp", address)
	fmt.Println("refused", err != nil && strings.HasSuffix(err.Error(), "connection refused"))
}

func main() {
	if len(os.Args) > 1 {
		serve(os.Args[1])
		signals := make(chan os.Signal, 1)
		signal.Notify(signals, syscall.SIGTERM)
		<-signals
		return
	}
	base, server := serve("127.0.0.1:0")
	load(base)
	fmt.Println("big", len(get(http.DefaultClient, base+"/big")))
	response, err := http.Post(base+"/command", "text/plain", strings.NewReader("through cat"))
	if err == nil {
		body, _ := io.ReadAll(response.Body)
		fmt.Println("command", string(body))
	}
	connections()
	deadline()
	fmt.Println("closed", server.Close())
}
