// SPDX-License-Identifier: MIT
//
// fasthttp.go - github.com/valyala/fasthttp, for `make bench`.
//
//	fasthttp ADDRESS:PORT DIRECTORY

package main

import (
	"fmt"
	"log"
	"os"
	"sync"
	"time"

	"github.com/valyala/fasthttp"
)

func hello(c *fasthttp.RequestCtx) {
	c.SetContentType("text/plain; charset=utf-8")
	c.SetBodyString("hello, world\n")
}

func spawn(c *fasthttp.RequestCtx) {
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
	hello(c)
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: fasthttp ADDRESS:PORT DIRECTORY")
		os.Exit(2)
	}
	files := fasthttp.FSHandler(os.Args[2], 0)
	log.Fatal(fasthttp.ListenAndServe(os.Args[1],
		func(c *fasthttp.RequestCtx) {
			switch string(c.Path()) {
			case "/tiny":
				hello(c)
			case "/echo":
				c.SetContentTypeBytes(c.Request.Header.ContentType())
				c.SetBody(c.PostBody())
			case "/sleep":
				time.Sleep(10 * time.Millisecond)
				hello(c)
			case "/spawn":
				spawn(c)
			default:
				files(c)
			}
		}))
}
