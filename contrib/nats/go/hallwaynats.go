// SPDX-License-Identifier: Apache-2.0

// Package hallwaynats makes the official Go client of NATS, nats.go, connect to the Unix socket of a
// hub. It works with every version that has nats.SetCustomDialer (tested with 1.22).
package hallwaynats

import (
	"net"

	"github.com/nats-io/nats.go"
)

// URL is for nats.Connect. nats.go requires a URL and looks its host up before it connects. This one
// has an IP address, so nothing is looked up; the option Socket ignores it.
const URL = "nats://127.0.0.1"

type unixDialer struct{ path string }

func (dialer unixDialer) Dial(_, _ string) (net.Conn, error) {
	return net.DialTimeout("unix", dialer.path, nats.DefaultTimeout)
}

// Socket is an option of nats.Connect: it connects, and reconnects, to the socket file at path. A path
// that begins with @ names an abstract socket.
func Socket(path string) nats.Option {
	return nats.SetCustomDialer(unixDialer{path})
}
