// How the programs with the official Go client of NATS connect to a hub: a URL is left to the
// client, and a path is opened as a Unix socket.
package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/nats-io/nats.go"
	"hallwaynats"
)

func must(err error) {
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

func dial(where string, options ...nats.Option) *nats.Conn {
	url := where
	if !strings.HasPrefix(where, "nats://") {
		url, options = hallwaynats.URL, append(options, hallwaynats.Socket(where))
	}
	conn, err := nats.Connect(url, options...)
	must(err)
	return conn
}
