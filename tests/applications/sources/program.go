// What go.sh runs: the parts of Go's runtime that lean on the kernel.
package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

func goroutines() {
	var total int64
	var group sync.WaitGroup
	results := make(chan int, 16)
	for i := 0; i < 1000; i++ {
		group.Add(1)
		go func(n int) {
			defer group.Done()
			atomic.AddInt64(&total, int64(n))
			results <- n
		}(i)
	}
	go func() { group.Wait(); close(results) }()
	sum := 0
	for n := range results {
		sum += n
	}
	fmt.Println("goroutines", total, sum)
}

// A goroutine that never calls anything must still be preempted (by SIGURG).
func preemption() {
	runtime.GOMAXPROCS(1)
	var stop int32
	go func() { time.Sleep(20 * time.Millisecond); atomic.StoreInt32(&stop, 1) }()
	for n := uint64(0); atomic.LoadInt32(&stop) == 0; n++ {
	}
	runtime.GOMAXPROCS(4)
	fmt.Println("preempted")
}

func garbage() {
	var keep [][]byte
	for i := 0; i < 20000; i++ {
		block := make([]byte, 4096)
		block[0] = byte(i)
		if i%1000 == 0 {
			keep = append(keep, block)
		}
	}
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	fmt.Println("collected", stats.NumGC > 3, len(keep), stats.HeapAlloc < 64<<20)
}

func files() {
	text := bytes.Repeat([]byte("casemate\n"), 10000)
	fmt.Println("write", os.WriteFile("f", text, 0o640))
	back, err := os.ReadFile("f")
	fmt.Printf("%x %v\n", sha256.Sum256(back), err)
	info, _ := os.Stat("f")
	fmt.Println(info.Size(), info.Mode())
	_, err = os.Stat("nosuch")
	fmt.Println(os.IsNotExist(err), os.Remove("f"))
}

func processes() {
	command := exec.Command("cat")
	command.Stdin = bytes.NewReader(make([]byte, 200000))
	out, err := command.Output()
	fmt.Println("cat", len(out), err)
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Millisecond)
	defer cancel()
	fmt.Println("sleep", exec.CommandContext(ctx, "sleep", "10").Run())
}

func signals() {
	got := make(chan os.Signal, 1)
	signal.Notify(got, syscall.SIGUSR1)
	syscall.Kill(os.Getpid(), syscall.SIGUSR1)
	fmt.Println("signal", <-got)
}

func timers() {
	start, ticks := time.Now(), 0
	ticker := time.NewTicker(2 * time.Millisecond)
	for range ticker.C {
		if ticks++; ticks == 5 {
			break
		}
	}
	fmt.Println("ticks", ticks, time.Since(start) >= 10*time.Millisecond)
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == "panic" {
		panic("as asked")
	}
	if len(os.Args) > 1 && os.Args[1] == "nil" {
		defer func() { fmt.Println("recovered:", recover()) }()
		var p *int
		fmt.Println(*p)
	}
	goroutines()
	preemption()
	garbage()
	files()
	processes()
	signals()
	timers()
}
