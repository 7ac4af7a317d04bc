// SPDX-License-Identifier: Apache-2.0

// A publisher and its subscribers as programs with nats.go are written: a connection each, a
// callback for what arrives.
//
//	nats PORT SUBSCRIBERS SIZE SECONDS        prints "DELIVERIES SECONDS"
package main

import (
	"encoding/binary"
	"fmt"
	"os"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
)

const (
	window       = 4096 // messages
	betweenLooks = 256  // messages
	warmUp       = 100 * time.Millisecond
	patience     = 20 * time.Second // without a message
)

func fail(why ...interface{}) {
	fmt.Fprintln(os.Stderr, why...)
	os.Exit(1)
}

func check(err error) {
	if err != nil {
		fail(err)
	}
}

type subscriber struct {
	next uint64 // the number of the next message
	_    [56]byte
}

type clients struct {
	publisher   *nats.Conn
	subscribers []*subscriber
	message     []byte
	published   uint64
}

func connect(url string) *nats.Conn {
	connection, err := nats.Connect(url)
	check(err)
	return connection
}

func start(url string, subscribers, size int) *clients {
	all := &clients{publisher: connect(url), message: make([]byte, size)}
	for i := 0; i < subscribers; i++ {
		one := &subscriber{}
		connection := connect(url)
		_, err := connection.Subscribe("t", func(message *nats.Msg) {
			next := atomic.LoadUint64(&one.next)
			if len(message.Data) != size || binary.LittleEndian.Uint64(message.Data) != next {
				fail("lost or out of order")
			}
			atomic.StoreUint64(&one.next, next+1)
		})
		check(err)
		check(connection.Flush())
		all.subscribers = append(all.subscribers, one)
	}
	return all
}

func (all *clients) slowest() uint64 {
	least := all.published
	for _, one := range all.subscribers {
		if next := atomic.LoadUint64(&one.next); next < least {
			least = next
		}
	}
	return least
}

func (all *clients) await(messages uint64) {
	giveUp := time.Now().Add(patience)
	for all.slowest() < messages {
		if time.Now().After(giveUp) {
			fail("lost: a subscriber gets no more")
		}
		time.Sleep(50 * time.Microsecond)
	}
}

// run publishes for a time, and waits until all of it has arrived. It returns the time of both.
func (all *clients) run(duration time.Duration) time.Duration {
	began := time.Now()
	for time.Since(began) < duration {
		for i := 0; i < betweenLooks; i++ {
			binary.LittleEndian.PutUint64(all.message, all.published)
			check(all.publisher.Publish("t", all.message))
			all.published++
		}
		if all.published > window {
			all.await(all.published - window)
		}
	}
	check(all.publisher.Flush())
	all.await(all.published)
	return time.Since(began)
}

func number(text string) int {
	value, err := strconv.Atoi(text)
	check(err)
	return value
}

func main() {
	if len(os.Args) != 5 {
		fail("usage: nats PORT SUBSCRIBERS SIZE SECONDS")
	}
	seconds, err := strconv.ParseFloat(os.Args[4], 64)
	check(err)
	all := start("nats://127.0.0.1:"+os.Args[1], number(os.Args[2]), number(os.Args[3]))
	all.run(warmUp)
	before := all.published
	took := all.run(time.Duration(seconds * float64(time.Second)))
	fmt.Println((all.published-before)*uint64(len(all.subscribers)), took.Seconds())
}
