// SPDX-License-Identifier: MIT

// client URL DIR - Go's net/http. Prints "ok WHAT", or "failed WHAT: why", for
// each thing it asks for; DIR has what is served.
package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"os"
	"path/filepath"
	"sync"
	"time"
)

var (
	url    = os.Args[1]
	client = &http.Client{Timeout: time.Minute, Transport: &http.Transport{
		MaxIdleConnsPerHost:   64,
		ExpectContinueTimeout: time.Minute,
	}}
	dials     = 0 // of ask; not for use by several at once
	continued = false
)

func check(what string, good bool, got ...any) {
	if good {
		fmt.Println("ok", what)
	} else {
		fmt.Println("failed "+what+":", got)
	}
}

func read(name string) []byte {
	data, err := os.ReadFile(filepath.Join(os.Args[2], name))
	if err != nil {
		panic(err)
	}
	return data
}

func fetch(r *http.Request) (*http.Response, []byte) {
	a, err := client.Do(r)
	if err != nil {
		panic(err)
	}
	defer a.Body.Close()
	body, err := io.ReadAll(a.Body)
	if err != nil {
		panic(err)
	}
	return a, body
}

// ask: fields are names and values in turn.
func ask(method, path string, body io.Reader, fields ...string) (
	*http.Response, []byte) {
	r, err := http.NewRequest(method, url+path, body)
	if err != nil {
		panic(err)
	}
	for i := 0; i < len(fields); i += 2 {
		r.Header.Set(fields[i], fields[i+1])
	}
	trace := &httptrace.ClientTrace{
		GotConn: func(c httptrace.GotConnInfo) {
			if !c.Reused {
				dials++
			}
		},
		Got100Continue: func() { continued = true },
	}
	return fetch(r.WithContext(httptrace.WithClientTrace(r.Context(), trace)))
}

// pieces hides the length: the request goes in chunks.
type pieces struct{ io.Reader }

func conditional(large []byte, etag, modified string) {
	for _, t := range []struct {
		name, value string
		want        int
	}{
		{"If-None-Match", etag, 304},
		{"If-None-Match", `"other"`, 200},
		{"If-Modified-Since", modified, 304},
		{"If-Match", etag, 200},
		{"If-Match", `"other"`, 412},
	} {
		a, body := ask("GET", "/large.bin", nil, t.name, t.value)
		check(fmt.Sprint(t.name, ": ", t.want), a.StatusCode == t.want &&
			(t.want != 200 || bytes.Equal(body, large)) &&
			(t.want != 304 || len(body) == 0), a.Status, len(body))
	}
}

func many(small []byte) {
	before, good := dials, 0
	for i := 0; i < 1000; i++ {
		_, body := ask("GET", "/small.txt", nil)
		if bytes.Equal(body, small) {
			good++
		}
	}
	check("a thousand, one by one", good == 1000, good)
	check("on one connection", dials == before, dials-before)

	var group sync.WaitGroup
	goods := make([]int, 32)
	for k := range goods {
		group.Add(1)
		go func(good *int) {
			defer group.Done()
			for i := 0; i < 50; i++ {
				r, _ := http.NewRequest("GET", url+"/small.txt", nil)
				a, body := fetch(r)
				if a.StatusCode == 200 && bytes.Equal(body, small) {
					*good++
				}
			}
		}(&goods[k])
	}
	group.Wait()
	for k, good := range goods {
		check(fmt.Sprint("beside others, ", k), good == 50, good)
	}
}

func main() {
	large, small, text := read("large.bin"), read("small.txt"), read("text.txt")

	a, body := ask("GET", "/large.bin", nil)
	check("GET", a.StatusCode == 200 && bytes.Equal(body, large), a.Status)
	etag, modified := a.Header.Get("ETag"), a.Header.Get("Last-Modified")
	a, body = ask("HEAD", "/large.bin", nil)
	check("HEAD", a.StatusCode == 200 && len(body) == 0 &&
		a.ContentLength == int64(len(large)), a.Status, a.ContentLength)
	a, body = ask("GET", "/large.bin", nil, "Range", "bytes=70000-199999")
	check("Range", a.StatusCode == 206 && bytes.Equal(body,
		large[70000:200000]) && a.Header.Get("Content-Range") ==
		fmt.Sprintf("bytes 70000-199999/%d", len(large)), a.Status, a.Header)
	a, body = ask("GET", "/large.bin", nil, "Range", "bytes=0-9",
		"If-Range", `"other"`)
	check("If-Range of another", a.StatusCode == 200 &&
		bytes.Equal(body, large), a.Status)
	conditional(large, etag, modified)
	a, body = ask("GET", "/text.txt", nil)
	check("unpacked", a.Uncompressed && bytes.Equal(body, text), a.Header)

	a, body = ask("POST", "/echo", bytes.NewReader(large))
	check("POST", a.StatusCode == 200 && bytes.Equal(body, large), a.Status)
	a, body = ask("POST", "/echo", pieces{bytes.NewReader(large)})
	check("POST in chunks", a.StatusCode == 200 && bytes.Equal(body, large) &&
		a.ContentLength == -1, a.Status, a.ContentLength)
	a, body = ask("POST", "/echo", bytes.NewReader(large), "Expect",
		"100-continue")
	check("100 (Continue)", continued && bytes.Equal(body, large), continued)
	a, _ = ask("POST", "/small.txt", bytes.NewReader(large), "Expect",
		"100-continue")
	check("refused at once", a.StatusCode == 405, a.Status)
	_, _ = ask("GET", "/small.txt", nil)
	many(small)
}
