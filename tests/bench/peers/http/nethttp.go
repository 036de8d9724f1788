// SPDX-License-Identifier: MIT
//
// nethttp.go - Go's own net/http, for `make bench`.
//
//	nethttp ADDRESS:PORT DIRECTORY

package main

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strconv"
	"sync"
	"time"
)

func hello(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Content-Length", "13")
	io.WriteString(w, "hello, world\n")
}

func echo(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), 400)
		return
	}
	w.Header().Set("Content-Type", r.Header.Get("Content-Type"))
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.Write(body)
}

func sleep(w http.ResponseWriter, r *http.Request) {
	time.Sleep(10 * time.Millisecond)
	hello(w, r)
}

func spawn(w http.ResponseWriter, r *http.Request) {
	var done [4]int
	var group sync.WaitGroup
	group.Add(len(done))
	for i := range done {
		go func(i int) {
			done[i]++
			group.Done()
		}(i)
	}
	group.Wait()
	hello(w, r)
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: nethttp ADDRESS:PORT DIRECTORY")
		os.Exit(2)
	}
	http.HandleFunc("/tiny", hello)
	http.HandleFunc("/echo", echo)
	http.HandleFunc("/sleep", sleep)
	http.HandleFunc("/spawn", spawn)
	http.Handle("/", http.FileServer(http.Dir(os.Args[2])))
	log.Fatal(http.ListenAndServe(os.Args[1], nil))
}
