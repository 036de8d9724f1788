// SPDX-License-Identifier: MIT

// peer.go - Go's goroutines and channels, on one processor.
//
//	go_peer --tsv [ROW [N]]    as peer.h says; CPU time includes the collector's
//	go_peer --echo             a TCP echo server; prints its port
package main

import (
	"fmt"
	"math/rand"
	"net"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

func cpu() float64 {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		os.Exit(1)
	}
	return float64(u.Utime.Nano() + u.Stime.Nano())
}

func tell(row string, value float64) {
	fmt.Printf("%s\t%.6g\n", row, value)
}

func yields(n int) {
	for i := 0; i < n; i++ {
		runtime.Gosched()
	}
}

// yieldAmong: n yields in all, by this many goroutines.
func yieldAmong(goroutines int) func(n int) {
	return func(n int) {
		var all sync.WaitGroup
		all.Add(goroutines)
		for i := 0; i < goroutines; i++ {
			go func() {
				yields(n / goroutines)
				all.Done()
			}()
		}
		all.Wait()
	}
}

func spawnJoin(n int) {
	var one sync.WaitGroup
	for i := 0; i < n; i++ {
		one.Add(1)
		go one.Done()
		one.Wait()
	}
}

func handoff(n int) {
	ch := make(chan int64)
	go func() {
		for i := 0; i < n; i++ {
			ch <- int64(i)
		}
	}()
	for i := 0; i < n; i++ {
		if <-ch != int64(i) {
			os.Exit(1)
		}
	}
}

func sleepers(n int) {
	var all sync.WaitGroup
	var latest time.Duration
	early := 0
	began := cpu()
	all.Add(n)
	for i := 0; i < n; i++ {
		d := time.Duration(rand.Intn(1000)) * time.Millisecond
		go func() {
			from := time.Now()
			time.Sleep(d)
			late := time.Since(from) - d
			if late < 0 {
				early++
			}
			if late > latest {
				latest = late
			}
			all.Done()
		}()
	}
	all.Wait()
	tell("sleepers_cpu_s", (cpu()-began)/1e9)
	tell("sleepers_late_ms", latest.Seconds()*1e3)
	tell("sleepers_early", float64(early))
}

func resident() float64 {
	text, _ := os.ReadFile("/proc/self/status")
	kib := 0.0
	for _, line := range strings.Split(string(text), "\n") {
		if strings.HasPrefix(line, "VmRSS:") || strings.HasPrefix(line, "VmPTE:") {
			v, _ := strconv.ParseFloat(strings.Fields(line)[1], 64)
			kib += v
		}
	}
	return kib * 1024
}

func suspended(n int) {
	never := make(chan int)
	var there sync.WaitGroup
	before := resident()
	there.Add(n)
	for i := 0; i < n; i++ {
		go func() {
			there.Done()
			<-never
		}()
	}
	there.Wait()
	tell("suspended_bytes", (resident()-before)/float64(n))
}

func echo() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		os.Exit(1)
	}
	fmt.Println(l.Addr().(*net.TCPAddr).Port)
	for {
		c, err := l.Accept()
		if err != nil {
			os.Exit(1)
		}
		go func() {
			defer c.Close()
			buf := make([]byte, 4096)
			for {
				n, err := c.Read(buf)
				if err != nil {
					return
				}
				if _, err = c.Write(buf[:n]); err != nil {
					return
				}
			}
		}()
	}
}

var rows = []struct {
	name string
	run  func(n int) // tells by itself
	loop func(n int) // or: n operations, to be measured
	n    int
}{
	{"yield2", nil, yieldAmong(2), 2000000},
	{"ring1000", nil, yieldAmong(1000), 2000000},
	{"spawn_join", nil, spawnJoin, 500000},
	{"handoff", nil, handoff, 1000000},
	{"generator_next", nil, handoff, 1000000},
	{"sleepers", sleepers, nil, 100000},
	{"suspended_bytes", suspended, nil, 1000000},
}

func main() {
	runtime.GOMAXPROCS(1)
	args := os.Args[1:]
	if len(args) == 1 && args[0] == "--echo" {
		echo()
	}
	if len(args) == 0 || args[0] != "--tsv" {
		fmt.Fprintln(os.Stderr, "usage: go_peer --tsv [ROW [N]] | --echo")
		os.Exit(2)
	}
	for _, row := range rows {
		if len(args) > 1 && args[1] != row.name {
			continue
		}
		n := row.n
		if len(args) > 2 {
			n, _ = strconv.Atoi(args[2])
		}
		if row.run != nil {
			row.run(n)
			continue
		}
		row.loop(n/10 + 2)
		began := cpu()
		row.loop(n)
		tell(row.name, (cpu()-began)/float64(n))
	}
}
